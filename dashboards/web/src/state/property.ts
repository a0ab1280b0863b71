import type { City } from "./city";
import { ALL } from "./subject";

/** The properties that the city's devices observe, in order of how many do, with a unit of each. */
export function propertiesOf(city: City): { property: string; unit: string; devices: number }[] {
  const found = new Map<string, { property: string; unit: string; devices: number }>();
  for (const { device } of city.fleet.entries.values()) {
    for (const { property, unit } of device.datastreams) {
      const known = found.get(property);
      if (known) known.devices++;
      else found.set(property, { property, unit, devices: 1 });
    }
  }
  return [...found.values()].sort((a, b) => b.devices - a.devices || a.property.localeCompare(b.property));
}

/** Takes the property that an address names, else keeps the one before, else every device by its main one. */
export function chooseProperty(city: City, asked: string | null): void {
  const there = new Set([ALL, ...propertiesOf(city).map(({ property }) => property)]);
  if (asked && there.has(asked)) return city.property.set(asked);
  if (!there.has(city.property.value)) city.property.set(ALL);
}
