import { isMeasured } from "../domain/buckets";
import { bandOf, scaleOf, type Measure, type PropertyScale } from "../domain/properties";
import { convert } from "../domain/units";
import { newestOf, observes, type Entry } from "./fleet";

/** Stands for every device by its main property; no property can have this name. */
export const ALL = "*";

/** What is looked at: one property, or every device by its main one. Each property has its own bands. */
export class Subject {
  readonly #scales = new Map<string, PropertyScale>();

  constructor(
    /** A property, or `ALL`. */
    readonly property: string,
    readonly entries: ReadonlyMap<string, Entry>,
  ) {}

  get all(): boolean {
    return this.property === ALL;
  }

  /** The property that a device is shown by; undefined where it observes none that is looked at. */
  of(entry: Entry): string | undefined {
    if (this.all) return entry.main;
    return observes(entry, this.property) ? this.property : undefined;
  }

  /** The bands of a property; of an unknown one, by the values that there were when it was first asked for. */
  scale(property: string): PropertyScale {
    let scale = this.#scales.get(property);
    if (!scale) this.#scales.set(property, (scale = scaleOf(property, () => this.#measures(property))));
    return scale;
  }

  /**
   * What devices are sorted by: the value in the unit of the bands, or the rank of its band where different
   * properties meet; NaN where there is no value or the bands can't take it.
   */
  order(entry: Entry): number {
    const property = this.of(entry);
    const measure = property === undefined ? undefined : measureOf(entry, property);
    if (property === undefined || !measure) return Number.NaN;
    const scale = this.scale(property);
    if (this.all) return bandOf(scale, measure)?.rank ?? Number.NaN;
    return scale.unit === null ? measure.value : (convert(measure.value, measure.unit, scale.unit) ?? Number.NaN);
  }

  /** Whether a value is there that its bands can't take. */
  get unscaled(): boolean {
    return [...this.entries.values()].some((entry) => {
      const property = this.of(entry);
      const measure = property === undefined ? undefined : measureOf(entry, property);
      return property !== undefined && measure !== undefined && !bandOf(this.scale(property), measure);
    });
  }

  #measures(property: string): Measure[] {
    return [...this.entries.values()].flatMap((entry) => measureOf(entry, property) ?? []);
  }
}

function measureOf(entry: Entry, property: string): Measure | undefined {
  const reading = newestOf(entry, property);
  return reading && isMeasured(reading) ? { value: reading.value, unit: reading.unit } : undefined;
}
