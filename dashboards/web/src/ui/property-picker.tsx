import { useMemo } from "preact/hooks";
import { isMeasured } from "../domain/buckets";
import { bandOf, knownScale, scaleOf, type Measure, type PropertyScale } from "../domain/properties";
import { propertyName, useText } from "../i18n/language";
import { useCity, type City } from "../state/city";
import { newestOf } from "../state/fleet";
import { propertiesOf } from "../state/property";
import { go, href, route } from "../state/route";
import { useSignal } from "../state/signal";

/** The property looked at, its bands, and whether a value is there that they can't take. */
export function useProperty(): { property: string; scale: PropertyScale; unscaled: boolean } {
  const city = useCity();
  const property = useSignal(city.property);
  const devices = useSignal(city.fleet.devices);
  const readings = useSignal(city.fleet.readings);
  // The bands of an unknown property follow its values, anew when more devices have one.
  const having = knownScale(property) ? 0 : [...city.fleet.entries.values()].filter((entry) => newestOf(entry, property)).length;
  const scale = useMemo(() => scaleOf(property, () => measures(city, property)), [city, property, devices, having]);
  const unscaled = useMemo(() => measures(city, property).some((each) => !bandOf(scale, each)), [city, property, scale, devices, readings]);
  return useMemo(() => ({ property, scale, unscaled }), [property, scale, unscaled]);
}

function measures(city: City, property: string): Measure[] {
  return [...city.fleet.entries.values()].flatMap((entry) => {
    const reading = newestOf(entry, property);
    return reading && isMeasured(reading) ? { value: reading.value, unit: reading.unit } : [];
  });
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
