import type { ExpressionSpecification, LayerSpecification, StyleSpecification } from "maplibre-gl";
import { MAP_COLOURS, palette, type Theme } from "../domain/colours";
import { wards } from "./wards";

/** What a device's mark shows; kept in the feature's state so that new values move no geometry. */
export interface MarkState {
  /** 0 none, 1 stale, 2 fresh. */
  kind: 0 | 1 | 2;
  rank: number;
  /** Where the palette has its colour. */
  colour: number;
}

type Geometry = GeoJSON.FeatureCollection | string;

const kind: ExpressionSpecification = ["coalesce", ["feature-state", "kind"], 0];
const rank: ExpressionSpecification = ["coalesce", ["feature-state", "rank"], 0];
const colour: ExpressionSpecification = ["coalesce", ["feature-state", "colour"], 0];

/** Higher bands are larger, so that colour isn't the only sign. */
function radius(scale: number): ExpressionSpecification {
  return ["*", scale, ["case", ["==", kind, 0], 0.7, ["+", 1, ["*", 0.09, rank]]]];
}

/** How the marks look; anew with each theme. */
export function markPaint(theme: Theme): Record<string, ExpressionSpecification | string | number> {
  const c = MAP_COLOURS[theme];
  const banded = ["match", colour, ...palette(theme).flatMap((each, index) => [index, each]), c.noData] as unknown as ExpressionSpecification;
  return {
    "circle-color": ["case", ["==", kind, 2], banded, ["==", kind, 1], c.land, c.noData],
    "circle-opacity": ["case", ["==", kind, 0], 0.55, 1],
    "circle-stroke-color": ["case", ["==", kind, 1], banded, c.ring],
    "circle-stroke-width": ["case", ["==", kind, 1], 2.2, 0.8],
    "circle-stroke-opacity": ["case", ["==", kind, 0], 0.5, ["==", kind, 1], 0.85, 0.9],
  };
}

const RADIUS: ExpressionSpecification = ["interpolate", ["linear"], ["zoom"], 7, radius(3), 10, radius(5.5), 14, radius(10)];

/** Named first where there isn't room for every name: they tell where one looks. */
const LANDMARKS = [
  "phuong-sai-gon", "phuong-thu-duc", "phuong-thu-dau-mot", "phuong-vung-tau", "phuong-ba-ria", "xa-can-gio", "xa-cu-chi",
  "phuong-ben-cat", "xa-dau-tieng", "phuong-phu-my", "dac-khu-con-dao",
];

export const DEVICES_LAYER = "devices";

/** A style without tiles, glyph files or network: letters are drawn by the browser. */
export function mapStyle(theme: Theme, water: Geometry): StyleSpecification {
  const c = MAP_COLOURS[theme];
  const empty = { type: "FeatureCollection" as const, features: [] };
  const layers: LayerSpecification[] = [
    { id: "land", type: "background", paint: { "background-color": c.land } },
    { id: "water", type: "fill", source: "water", paint: { "fill-color": c.water } },
    { id: "shore", type: "line", source: "water", paint: { "line-color": c.shore, "line-width": 0.8 } },
    wardLayer(theme),
    { id: DEVICES_LAYER, type: "circle", source: "devices", paint: { "circle-radius": RADIUS, ...markPaint(theme) } },
    {
      id: "selected", type: "circle", source: "selected",
      paint: { "circle-radius": ["interpolate", ["linear"], ["zoom"], 7, 8, 14, 18], "circle-color": "transparent", "circle-stroke-color": c.selected, "circle-stroke-width": 2.5 },
    },
  ];
  return {
    version: 8,
    sources: {
      water: { type: "geojson", data: water, attribution: "© OpenStreetMap contributors" },
      wards: { type: "geojson", data: wardPoints() },
      devices: { type: "geojson", data: empty },
      selected: { type: "geojson", data: empty },
    },
    layers,
  };
}

function wardLayer(theme: Theme): LayerSpecification {
  const c = MAP_COLOURS[theme];
  return {
    id: "wards", type: "symbol", source: "wards", 
    layout: {
      "text-field": ["get", "name"],
      "text-font": ["Be Vietnam Pro"],
      "text-size": ["interpolate", ["linear"], ["zoom"], 7.5, 10.5, 13, 14],
      "text-padding": ["interpolate", ["linear"], ["zoom"], 8, 16, 10, 6],
      "text-max-width": 7,
      "symbol-sort-key": ["get", "order"],
    },
    paint: { "text-color": c.label, "text-halo-color": c.halo, "text-halo-width": 1.4 },
  };
}

function wardPoints(): GeoJSON.FeatureCollection {
  return {
    type: "FeatureCollection",
    features: wards.map((ward, order) => ({
      type: "Feature",
      properties: { name: ward.short, order: LANDMARKS.includes(ward.name) ? 0 : order + 1 },
      geometry: { type: "Point", coordinates: [ward.longitude, ward.latitude] },
    })),
  };
}
