import type { Strings } from "../i18n/strings";
import { convert } from "./units";

/** A band of values: from the end of the one before up to `to` (included). */
export interface Band {
  to: number;
  /** 0 is the calmest; the rank sets the colour and the size of the mark. */
  rank: number;
  label?: keyof Strings["bands"];
}

export interface PropertyScale {
  /** `alert` bands judge, `ramp` bands only order. */
  kind: "alert" | "ramp" | "state";
  /** UCUM unit of the bands' limits; a state has none and takes every unit. */
  unit: string | null;
  bands: Band[];
}

const ramp = (unit: string, ...limits: number[]): PropertyScale => ({
  kind: "ramp",
  unit,
  bands: [...limits, Number.POSITIVE_INFINITY].map((to, rank) => ({ to, rank })),
});

const AQI_LABELS = ["good", "moderate", "poor", "bad", "veryBad", "hazardous"] as const;

/** The concentrations at which the bands of VN_AQI change (Decision 1459/QĐ-TCMT). */
const aqi = (...limits: number[]): PropertyScale => ({
  kind: "alert",
  unit: "ug/m3",
  bands: AQI_LABELS.map((label, rank) => ({ to: limits[rank] ?? Number.POSITIVE_INFINITY, rank, label })),
});

/** Dry, then drizzle to downpour. */
const RAIN_LIMITS = [0.1, 2, 8, 16, 50];
const RAIN = ramp("mm/h", ...RAIN_LIMITS);
const RAINFALL = ramp("mm", ...RAIN_LIMITS);
const VEHICLES = ramp("1", 10, 20, 40, 60, 80);

const SCALES: Record<string, PropertyScale> = {
  pm2_5: aqi(25, 50, 80, 150, 250),
  pm10: aqi(50, 150, 250, 350, 420),
  o3: aqi(160, 200, 300, 400, 800),
  so2: aqi(125, 350, 550, 800, 1600),
  no2: aqi(100, 200, 700, 1200, 2350),
  temperature: ramp("Cel", 22, 26, 30, 34, 38),
  humidity: ramp("%", 40, 55, 70, 80, 90),
  // Alert levels of the gauges are dated data of the registry, so these bands only order.
  water_level: ramp("m", -0.5, 0, 0.5, 1, 1.5),
  rain: RAIN,
  rainfall: RAINFALL,
  rain_rate: RAIN,
  rain_intensity: RAIN,
  precipitation: RAINFALL,
  noise: ramp("dB[SPL]", 45, 55, 65, 75, 85),
  car_count: VEHICLES,
  vehicle_count: VEHICLES,
  pressure: ramp("hPa", 1000, 1004, 1008, 1012, 1016),
  wind_speed: ramp("m/s", 1.5, 3.3, 5.4, 7.9, 10.7),
};

const OFF_ON: PropertyScale = {
  kind: "state",
  unit: null,
  bands: [{ to: 0, rank: 0, label: "off" }, { to: Number.POSITIVE_INFINITY, rank: 4, label: "on" }],
};

/** What a device that observes several is known by, first things first. */
const MAIN = [
  "pm2_5", "pm10", "pm1", "water_level", "rain_rate", "rain_intensity", "rain", "rainfall", "precipitation", "noise",
  "temperature", "air_temperature", "vehicle_count", "car_count", "lamp_state", "street_light", "lamp",
];

/** The property that a device is known by among those it observes: the first that counts most, else its first. */
export function mainOf(properties: readonly string[]): string | undefined {
  const places = properties.map((property) => MAIN.indexOf(property.replace(MAIN.includes(property) ? "" : /_?\d+$/, "")));
  const best = Math.min(...places.filter((place) => place >= 0));
  return Number.isFinite(best) ? properties[places.indexOf(best)] : properties[0];
}

export const RANKS = 6;
const STATE_NAMES = /(^|_)(lamp|light|relay|door|pump|on|switch|state)$/;

/** The bands of a property that is known; those of others follow their values. */
export function knownScale(property: string): PropertyScale | undefined {
  if (isState(property)) return OFF_ON;
  return SCALES[property] ?? SCALES[property.replace(/_?\d+$/, "")];
}

/** Whether a property is off (0) or on. */
export function isState(property: string): boolean {
  return STATE_NAMES.test(property);
}

/** A value with its UCUM unit, as a reading has them. */
export interface Measure {
  value: number;
  unit: string;
}

/** The bands of a property; of an unknown one, six of equal number among the values given, in the unit of the first. */
export function scaleOf(property: string, values: () => Measure[]): PropertyScale {
  const known = knownScale(property);
  if (known) return known;
  const given = values();
  const unit = given[0]?.unit ?? "1";
  const sorted = given.flatMap((each) => convert(each.value, each.unit, unit) ?? []).filter(Number.isFinite).sort((a, b) => a - b);
  const limits = new Set<number>();
  for (let i = 1; i < RANKS; i++) {
    const value = sorted[Math.floor((i * sorted.length) / RANKS)];
    if (value !== undefined) limits.add(Number(value.toPrecision(3)));
  }
  return ramp(unit, ...[...limits].sort((a, b) => a - b));
}

/** The band of a value; undefined where its unit can't become that of the bands. Bands cover every number. */
export function bandOf(scale: PropertyScale, { value, unit }: Measure): Band | undefined {
  const comparable = scale.unit === null ? value : convert(value, unit, scale.unit);
  if (comparable === undefined) return undefined;
  return scale.bands.find((band) => comparable <= band.to) ?? scale.bands.at(-1);
}

/** Decimals worth showing of a property in this unit. */
export function decimalsOf(property: string, unit: string): number {
  if (property === "water_level" || unit === "m") return 2;
  if (unit === "1" || unit.startsWith("{")) return 0;
  return 1;
}

/** Decimals that labels this far apart need to be told apart. */
export function stepDecimals(step: number): number {
  for (let count = 0; count < 4; count++) {
    const scaled = step * 10 ** count;
    if (Math.abs(scaled - Math.round(scaled)) < 1e-6 && scaled > 0.5) return count;
  }
  return 4;
}
