import { useMemo } from "preact/hooks";
import { knownScale } from "../domain/properties";
import { propertyName, useText } from "../i18n/language";
import { useCity } from "../state/city";
import { newestOf } from "../state/fleet";
import { propertiesOf } from "../state/property";
import { go, href, route } from "../state/route";
import { useSignal } from "../state/signal";
import { ALL, Subject } from "../state/subject";

/** What is looked at, with the bands of each property. */
export function useSubject(): Subject {
  const city = useCity();
  const property = useSignal(city.property);
  const devices = useSignal(city.fleet.devices);
  useSignal(city.fleet.readings);
  const { entries } = city.fleet;
  // The bands of an unknown property follow its values, anew when more devices have one.
  const having = [...entries.values()].filter((entry) => {
    const shown = property === ALL ? entry.main : property;
    return shown !== undefined && !knownScale(shown) && newestOf(entry, shown);
  }).length;
  return useMemo(() => new Subject(property, entries), [entries, property, devices, having]);
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
        {found.length > 0 && <option value={ALL}>{t.allDevices}</option>}
        {found.map(({ property }) => (
          <option key={property} value={property}>
            {propertyName(t, property)}
          </option>
        ))}
      </select>
    </label>
  );
}
