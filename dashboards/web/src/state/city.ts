import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { api, url, type Query } from "../api/client";
import type { Reading } from "../api/types";
import { placeTitle } from "../map/wards";
import { Fleet } from "./fleet";
import { Live } from "./live";
import { Signal } from "./signal";

const DEVICES_REFRESH_MS = 60_000;
/** The list of devices isn't read more often than this, whatever the feed brings. */
const DEVICES_REFRESH_MS_MIN = 5_000;
/** A list that hasn't come after so long is given up, and read again. */
const LIST_MS_MAX = 60_000;

/** What the whole page knows: the devices, the feed, the property looked at. */
export class City {
  readonly fleet = new Fleet(placeTitle);
  readonly live = new Live({
    readings: (batch) => this.#take(batch),
    opened: (resumed) => void this.#opened(resumed),
  });
  readonly property = new Signal("");
  readonly loaded = new Signal(false);
  /** Whether the newest readings of what is followed are there: before, nothing is said about absence. */
  readonly settled = new Signal(false);
  /** Why the devices couldn't be read last time. */
  readonly error = new Signal<unknown>(null);
  /** Counts openings of the feed behind which readings may be missing. */
  readonly reopened = new Signal(0);
  #listeners = new Set<(batch: readonly Reading[]) => void>();
  #query: Query = {};
  #readAt = 0;
  #reading = false;

  start(): void {
    void this.loadDevices();
    setInterval(() => this.#refresh(), 1000);
    document.addEventListener("visibilitychange", () => this.live.visible(document.visibilityState === "visible"));
  }

  /** Follows what a page shows. */
  follow(query: Query): void {
    if (url("", query) !== url("", this.#query)) this.settled.set(false);
    this.#query = query;
    this.live.follow(query);
  }

  /** Hands on every batch of the feed; returns what ends it. */
  onReadings(listener: (batch: readonly Reading[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async loadDevices(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    this.#readAt = Date.now();
    try {
      const devices = await api.devices(AbortSignal.timeout(LIST_MS_MAX));
      const replaced = this.fleet.replaced.value;
      this.fleet.setDevices(devices);
      this.error.set(null);
      const first = !this.loaded.value;
      this.loaded.set(true);
      const missing = first ? [] : this.fleet.missing((device, stream) => this.#follows(device, stream.property));
      if ((first || missing.length) && (await this.#loadLatest())) this.fleet.asked(missing);
      if (this.fleet.replaced.value !== replaced) this.reopened.set(this.reopened.value + 1);
    } catch (error) {
      this.error.set(error);
    } finally {
      this.#reading = false;
    }
  }

  #refresh(): void {
    if (document.visibilityState !== "visible") return;
    const age = Date.now() - this.#readAt;
    const due = !this.loaded.value || this.fleet.incomplete ? DEVICES_REFRESH_MS_MIN : DEVICES_REFRESH_MS;
    if (age > due) void this.loadDevices();
  }

  /** Whether readings of this datastream are among what a page shows. */
  #follows(device: string, property: string): boolean {
    const query = this.#query;
    return (!query["device"] || query["device"] === device) && (!query["property"] || query["property"] === property);
  }

  #take(batch: Reading[]): void {
    this.fleet.take(batch);
    for (const listener of this.#listeners) listener(batch);
  }

  async #opened(resumed: boolean): Promise<void> {
    // Behind a break there may be another data folder, even where the feed went on.
    if (this.loaded.value && Date.now() - this.#readAt > DEVICES_REFRESH_MS_MIN) void this.loadDevices();
    if (resumed) return;
    await this.#loadLatest();
    this.reopened.set(this.reopened.value + 1);
  }

  async #loadLatest(): Promise<boolean> {
    if (!this.loaded.value) return false;
    const query = this.#query;
    try {
      this.fleet.take(await api.latest(query, AbortSignal.timeout(LIST_MS_MAX)));
      if (query === this.#query) this.settled.set(true);
      return true;
    } catch (error) {
      this.error.set(error);
      return false;
    }
  }
}

export const CityContext = createContext<City>(null as unknown as City);

export function useCity(): City {
  return useContext(CityContext);
}
