import type { Datastream, Device, Reading } from "../api/types";
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
  /** How often the newest reading of a datastream was asked for in vain. */
  asks: Map<string, number>;
  /** The property that it is known by; none of a device without datastreams. */
  main: string | undefined;
}

/** Changes are told to the views at most this often. */
const TELL_MS = 250;
/** Newest readings of datastreams that the list doesn't have, kept until it does, at most so many. */
export const STRANGERS_MAX = 10_000;
/** A list read while a reading came may be from before its datastream: so many lists are waited for. */
const STRANGER_LISTS_MAX = 2;
/** A datastream that stays without a newest reading is asked for so often: one that never sent has none. */
export const ASKS_MAX = 2;

/** A datastream whose newest reading isn't known. */
export interface Missing {
  entry: Entry;
  datastream: string;
}

/** The newest reading of a datastream that the list doesn't have, and how many lists came without it. */
interface Stranger {
  reading: Reading;
  lists: number;
}

/** Every device with its newest readings, kept up to date by the feed. */
export class Fleet {
  /** Counts changes of the devices themselves. */
  readonly devices = new Signal(0);
  /** Counts batches of new readings. */
  readonly readings = new Signal(0);
  /** Counts devices that became others of the same name. */
  readonly replaced = new Signal(0);
  readonly entries = new Map<string, Entry>();
  #strangers = new Map<string, Stranger>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #placeTitle: (name: string) => string;

  constructor(placeTitle: (name: string) => string) {
    this.#placeTitle = placeTitle;
  }

  /** Takes the registry's devices; newest readings already known are kept, also of datastreams only listed now. */
  setDevices(devices: Device[]): void {
    const names = new Set(devices.map((device) => device.name));
    for (const name of this.entries.keys()) if (!names.has(name)) this.entries.delete(name);
    for (const device of devices) {
      const title = device.title || device.name;
      const place = device.place ? this.#placeTitle(device.place) : "";
      const before = this.entries.get(device.name);
      // Registered at another time it is another device, in another data folder: nothing old holds.
      const known = before?.device.registered === device.registered ? before : undefined;
      if (before && !known) this.replaced.set(this.replaced.value + 1);
      const seen = millis(device.last_seen);
      this.entries.set(device.name, {
        device,
        title,
        place,
        folded: fold(`${title} ${device.name} ${place}`),
        seenMs: known && known.seenMs > seen ? known.seenMs : Number.isNaN(seen) ? (known?.seenMs ?? Number.NaN) : seen,
        newest: known?.newest ?? new Map(),
        asks: known?.asks ?? new Map(),
        main: mainOf(device.datastreams.map(({ property }) => property)),
      });
    }
    this.#meetStrangers();
    this.devices.set(this.devices.value + 1);
  }

  /** Takes readings in any order; the newest by measured time stays. */
  take(batch: readonly Reading[]): void {
    for (const reading of batch) {
      const entry = this.entries.get(reading.device);
      if (!entry?.device.datastreams.some(({ name }) => name === reading.datastream)) this.#keep(reading);
      if (!entry) continue;
      const received = millis(reading.received);
      if (!(entry.seenMs >= received)) entry.seenMs = received;
      const known = entry.newest.get(reading.datastream);
      if (known && known.time > reading.time) continue;
      entry.newest.set(reading.datastream, reading);
    }
    this.#timer ??= setTimeout(() => this.#tell(), TELL_MS);
  }

  /** Whether readings of a device or a datastream came that the list doesn't have: time to read it again. */
  get incomplete(): boolean {
    return this.#strangers.size > 0;
  }

  /** The datastreams chosen that have no newest reading and were hardly asked for. */
  missing(chosen: (device: string, stream: Datastream) => boolean): Missing[] {
    const found: Missing[] = [];
    for (const entry of this.entries.values()) {
      for (const stream of entry.device.datastreams) {
        if (entry.newest.has(stream.name) || (entry.asks.get(stream.name) ?? 0) >= ASKS_MAX) continue;
        if (chosen(entry.device.name, stream)) found.push({ entry, datastream: stream.name });
      }
    }
    return found;
  }

  /** Notes that the newest readings came, with or without those. */
  asked(missing: readonly Missing[]): void {
    for (const { entry, datastream } of missing) entry.asks.set(datastream, (entry.asks.get(datastream) ?? 0) + 1);
  }

  #keep(reading: Reading): void {
    const key = keyOf(reading.device, reading.datastream);
    const known = this.#strangers.get(key);
    if (!known && this.#strangers.size >= STRANGERS_MAX) return;
    if (known && known.reading.time > reading.time) return;
    this.#strangers.set(key, { reading, lists: known?.lists ?? 0 });
  }

  /** What was kept is applied where it is listed now; what isn't listed waits for one more list. */
  #meetStrangers(): void {
    const kept = this.#strangers;
    this.#strangers = new Map();
    this.take([...kept.values()].map(({ reading }) => reading));
    for (const key of [...this.#strangers.keys()]) {
      const stranger = kept.get(key);
      if (!stranger) continue;
      if (++stranger.lists < STRANGER_LISTS_MAX) this.#strangers.set(key, stranger);
      else this.#strangers.delete(key);
    }
  }

  #tell(): void {
    this.#timer = undefined;
    this.readings.set(this.readings.value + 1);
  }
}

function keyOf(device: string, datastream: string): string {
  return `${device}\n${datastream}`;
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
