import { useMemo } from "preact/hooks";
import { knownScale, scaleOf, type PropertyScale } from "../domain/properties";
import { propertyName, useText } from "../i18n/language";
import { useCity } from "../state/city";
import { newestOf } from "../state/fleet";
import { propertiesOf } from "../state/property";
import { go, href, route } from "../state/route";
import { useSignal } from "../state/signal";

/** The property looked at, its bands and its unit. */
export function useProperty(): { property: string; scale: PropertyScale; unit: string } {
  const city = useCity();
  const property = useSignal(city.property);
  const devices = useSignal(city.fleet.devices);
  useSignal(city.fleet.readings);
  // The bands of an unknown property follow its values, anew when more devices have one.
  const having = knownScale(property) ? 0 : [...city.fleet.entries.values()].filter((entry) => newestOf(entry, property)).length;
  return useMemo(() => {
    const values = () =>
      [...city.fleet.entries.values()].flatMap((entry) => newestOf(entry, property)?.value ?? []);
    const unit = propertiesOf(city).find((each) => each.property === property)?.unit ?? "1";
    return { property, scale: scaleOf(property, values), unit };
  }, [city, property, devices, having]);
}

export function PropertyPicker() {
  const { t } = useText();
  const city = useCity();
  const chosen = useSignal(city.property);
  const devices = useSignal(city.fleet.devices);
  const found = useMemo(() => propertiesOf(city), [city, devices]);
  const choose = (property: string) => {
    const { page, query } = route.value;
    go(href(page, { ...Object.fromEntries(query), property }), true);
  };
  return (
    <label class="picker">
      <span>{t.property}</span>
      <select value={chosen} onChange={(event) => choose(event.currentTarget.value)}>
        {found.map(({ property }) => (
          <option key={property} value={property}>
            {propertyName(t, property)}
          </option>
        ))}
      </select>
    </label>
  );
}
