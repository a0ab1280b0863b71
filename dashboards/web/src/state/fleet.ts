import type { Device, Reading } from "../api/types";
import { mainOf } from "../domain/properties";
import { fold } from "../domain/search";
import { millis } from "../domain/time";
import { Signal } from "./signal";

/** A device as the page shows it. */
export interface Entry {
  device: Device;
  /** What people call it. */
  title: string;
  /** What people call its place. */
  place: string;
  /** What search compares. */
  folded: string;
  /** When anything was last received from it, ms since 1970; NaN for never. */
  seenMs: number;
  /** Its newest readings by measured time, by datastream. */
  newest: Map<string, Reading>;
  /** The property that it is known by; none of a device without datastreams. */
  main: string | undefined;
}

/** Changes are told to the views at most this often. */
const TELL_MS = 250;

/** Every device with its newest readings, kept up to date by the feed. */
export class Fleet {
  /** Counts changes of the devices themselves. */
  readonly devices = new Signal(0);
  /** Counts batches of new readings. */
  readonly readings = new Signal(0);
  readonly entries = new Map<string, Entry>();
  #unknown = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #placeTitle: (name: string) => string;

  constructor(placeTitle: (name: string) => string) {
    this.#placeTitle = placeTitle;
  }

  /** Takes the registry's devices; newest readings already known are kept. */
  setDevices(devices: Device[]): void {
    const names = new Set(devices.map((device) => device.name));
    for (const name of this.entries.keys()) if (!names.has(name)) this.entries.delete(name);
    for (const device of devices) {
      const title = device.title || device.name;
      const place = device.place ? this.#placeTitle(device.place) : "";
      const known = this.entries.get(device.name);
      const seen = millis(device.last_seen);
      this.entries.set(device.name, {
        device,
        title,
        place,
        folded: fold(`${title} ${device.name} ${place}`),
        seenMs: known && known.seenMs > seen ? known.seenMs : Number.isNaN(seen) ? (known?.seenMs ?? Number.NaN) : seen,
        newest: known?.newest ?? new Map(),
        main: mainOf(device.datastreams.map(({ property }) => property)),
      });
    }
    this.#unknown.clear();
    this.devices.set(this.devices.value + 1);
  }

  /** Takes readings in any order; the newest by measured time stays. */
  take(batch: readonly Reading[]): void {
    for (const reading of batch) {
      const entry = this.entries.get(reading.device);
      if (!entry) {
        this.#unknown.add(reading.device);
        continue;
      }
      const received = millis(reading.received);
      if (!(entry.seenMs >= received)) entry.seenMs = received;
      const known = entry.newest.get(reading.datastream);
      if (known && known.time > reading.time) continue;
      entry.newest.set(reading.datastream, reading);
    }
    this.#timer ??= setTimeout(() => this.#tell(), TELL_MS);
  }

  /** Whether readings of a device came that the list doesn't have: time to read it again. */
  get incomplete(): boolean {
    return this.#unknown.size > 0;
  }

  #tell(): void {
    this.#timer = undefined;
    this.readings.set(this.readings.value + 1);
  }
}

/** The newest reading of a property of a device, of the first datastream that has one. */
export function newestOf(entry: Entry, property: string): Reading | undefined {
  let found: Reading | undefined;
  for (const stream of entry.device.datastreams) {
    if (stream.property !== property) continue;
    const reading = entry.newest.get(stream.name);
    if (reading && (!found || reading.time > found.time)) found = reading;
  }
  return found;
}

export function observes(entry: Entry, property: string): boolean {
  return entry.device.datastreams.some((stream) => stream.property === property);
}
