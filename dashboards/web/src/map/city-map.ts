import * as maplibre from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import "maplibre-gl/dist/maplibre-gl.css";
import { colourIndex, type Theme } from "../domain/colours";
import { freshness } from "../domain/freshness";
import { bandOf } from "../domain/properties";
import { newestOf, type Entry } from "../state/fleet";
import type { Subject } from "../state/subject";
import waterUrl from "./base/hcmc_water.geojson?url";
import { DEVICES_LAYER, mapStyle, markPaint, type MarkState } from "./style";

maplibre.setWorkerUrl(new URL(workerUrl, import.meta.url).href);

/** The whole city with its sea. */
const CITY_BOUNDS: [number, number, number, number] = [106.4, 10.3, 107.2, 11.46];
/** With the islands of Côn Đảo far in the south. */
const BOUNDS_MAX: [number, number, number, number] = [104.9, 8.1, 108.7, 12.5];
const ZOOM_MIN = 7.2;
const ZOOM_MAX = 17;
/** A click this near to a mark means it. */
const CLICK_PX = 10;

export interface MapEvents {
  select(device: string | null): void;
  hover(device: string | null, x: number, y: number): void;
  moved(): void;
}

/** The map of the devices. It knows MapLibre, and nothing of the page around it. */
export class CityMap {
  readonly map: maplibre.Map;
  #ready = false;
  #counted = false;
  #names: string[] = [];
  #ids = new Map<string, number>();
  #states = new Map<number, number>();
  #theme: Theme;
  #pending: (() => void)[] = [];

  constructor(container: HTMLElement, theme: Theme, events: MapEvents) {
    this.#theme = theme;
    this.map = new maplibre.Map({
      container,
      style: mapStyle(theme, new URL(waterUrl, location.href).href),
      bounds: CITY_BOUNDS,
      minZoom: ZOOM_MIN,
      maxZoom: ZOOM_MAX,
      maxBounds: BOUNDS_MAX,
      attributionControl: { compact: false },
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      fadeDuration: 0,
      refreshExpiredTiles: false,
    });
    this.map.touchZoomRotate.disableRotation();
    this.map.keyboard.disableRotation();
    this.map.once("load", () => this.#loaded());
    this.#listen(events);
  }

  #loaded(): void {
    this.#ready = true;
    // Says to tests when everything known is drawn, and how much that is.
    const box = this.map.getContainer();
    this.map.on("idle", () => {
      box.dataset["idle"] = "true";
      if (this.#counted) return;
      this.#counted = this.#names.length > 0;
      box.dataset["marks"] = String(this.map.queryRenderedFeatures({ layers: [DEVICES_LAYER] }).length);
    });
    for (const run of this.#pending.splice(0)) run();
  }

  #when(run: () => void): void {
    if (this.#ready) run();
    else this.#pending.push(run);
  }

  #listen(events: MapEvents): void {
    this.map.on("click", (event) => events.select(this.#at(event.point)));
    this.map.on("mousemove", (event) => {
      const device = this.#at(event.point, 3);
      this.map.getCanvas().classList.toggle("over-device", device !== null);
      events.hover(device, event.point.x, event.point.y);
    });
    this.map.on("mouseout", () => events.hover(null, 0, 0));
    this.map.on("move", () => events.moved());
  }

  /** The device whose mark is nearest to a point of the screen, if one is near enough. */
  #at(point: maplibre.Point, within = CLICK_PX): string | null {
    if (!this.#ready) return null;
    const box: [maplibre.PointLike, maplibre.PointLike] = [
      [point.x - within, point.y - within],
      [point.x + within, point.y + within],
    ];
    let found: { name: string; distance: number } | null = null;
    for (const feature of this.map.queryRenderedFeatures(box, { layers: [DEVICES_LAYER] })) {
      const name = this.#names[Number(feature.id)];
      if (name === undefined || feature.geometry.type !== "Point") continue;
      const distance = this.map.project(feature.geometry.coordinates as [number, number]).dist(point);
      if (!found || distance < found.distance) found = { name, distance };
    }
    return found?.name ?? null;
  }

  /** Sets which devices there are: those looked at that have a position. */
  setDevices(entries: Iterable<Entry>, subject: Subject): void {
    const features: GeoJSON.Feature[] = [];
    this.#names = [];
    this.#ids.clear();
    for (const entry of entries) {
      const { name, position } = entry.device;
      if (!position || subject.of(entry) === undefined) continue;
      const id = this.#names.push(name) - 1;
      this.#ids.set(name, id);
      features.push({ type: "Feature", id, properties: {}, geometry: position });
    }
    this.#when(() => {
      this.#states.clear();
      this.#counted = false;
      this.map.removeFeatureState({ source: "devices" });
      this.#source("devices").setData({ type: "FeatureCollection", features });
    });
  }

  /** Colours every device by its newest value. Only what changed reaches the GPU. */
  setValues(entries: ReadonlyMap<string, Entry>, subject: Subject, nowMs: number): void {
    this.#when(() => {
      for (const [name, id] of this.#ids) {
        const entry = entries.get(name);
        const state = entry ? markState(entry, subject, nowMs) : NOTHING;
        const packed = state.kind * 16 + state.colour;
        if (this.#states.get(id) === packed) continue;
        this.#states.set(id, packed);
        this.map.setFeatureState({ source: "devices", id }, state);
      }
    });
  }

  /** Repaints for another theme. */
  setLook(theme: Theme): void {
    if (theme === this.#theme) return;
    this.#theme = theme;
    this.#when(() => {
      const style = mapStyle(theme, new URL(waterUrl, location.href).href);
      for (const layer of style.layers) {
        if (!("paint" in layer) || layer.id === DEVICES_LAYER) continue;
        for (const [key, value] of Object.entries(layer.paint ?? {})) this.map.setPaintProperty(layer.id, key as never, value as never);
      }
      for (const [key, value] of Object.entries(markPaint(theme))) this.map.setPaintProperty(DEVICES_LAYER, key as never, value as never);
    });
  }

  /** Rings a device; brings it into view if it isn't. */
  select(entry: Entry | null): void {
    const position = entry?.device.position;
    this.#when(() => {
      this.#source("selected").setData({
        type: "FeatureCollection",
        features: position ? [{ type: "Feature", properties: {}, geometry: position }] : [],
      });
      if (!position) return;
      const seen = this.map.getBounds().contains(position.coordinates);
      if (!seen || this.map.getZoom() < 10) {
        this.map.easeTo({ center: position.coordinates, zoom: Math.max(11.5, this.map.getZoom()), animate: !reducedMotion() });
      }
    });
  }

  fit(): void {
    this.map.fitBounds(CITY_BOUNDS, { animate: !reducedMotion(), padding: 24 });
  }

  zoom(by: number): void {
    this.map.zoomTo(this.map.getZoom() + by, { animate: !reducedMotion() });
  }

  remove(): void {
    this.map.remove();
  }

  #source(name: string): maplibre.GeoJSONSource {
    return this.map.getSource(name) as maplibre.GeoJSONSource;
  }
}

const NOTHING: MarkState = { kind: 0, rank: 0, colour: 0 };

function markState(entry: Entry, subject: Subject, nowMs: number): MarkState {
  const property = subject.of(entry);
  if (property === undefined) return NOTHING;
  const scale = subject.scale(property);
  const reading = newestOf(entry, property);
  const fresh = freshness(reading, nowMs);
  if (fresh === "none" || typeof reading?.value !== "number") return NOTHING;
  const band = bandOf(scale, { value: reading.value, unit: reading.unit });
  return { kind: fresh === "fresh" ? 2 : 1, rank: band?.rank ?? 0, colour: colourIndex(scale, band) };
}

function reducedMotion(): boolean {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
