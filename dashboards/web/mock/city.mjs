// A made-up city for development: devices in the true wards, values as a function of time.
import { readFileSync } from "node:fs";

const csv = readFileSync(new URL("../src/map/base/hcmc_wards.csv", import.meta.url), "utf8");
export const wards = csv
  .trim()
  .split("\n")
  .slice(1)
  .map((line) => line.split(","))
  .map(([, title, , latitude, longitude, area]) => ({
    title,
    name: slug(title),
    latitude: Number(latitude),
    longitude: Number(longitude),
    area: Number(area),
  }));

function slug(text) {
  return text
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .replace(/[đĐ]/g, "d")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
}

/** A seeded number in 0..1 for a text. */
export function chance(text) {
  let hash = 2166136261;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 16777619);
  hash = Math.imul(hash ^ (hash >>> 15), 2246822507);
  hash ^= hash >>> 13;
  return (hash >>> 0) / 4294967296;
}

const hour = (ms) => ((ms / 3600_000 + 7) % 24) + 0;
const wave = (ms, periodH, phase) => Math.sin((2 * Math.PI * ms) / (periodH * 3600_000) + phase);
const noise = (name, ms) => chance(name + Math.floor(ms / 10_000)) - 0.5;
const rush = (h) => Math.exp(-((h - 8) ** 2) / 3) + Math.exp(-((h - 18) ** 2) / 4);

const KINDS = {
  "khong-khi": {
    title: "Trạm không khí",
    streams: {
      pm2_5: ["ug/m3", 0, 1000, (n, t, k) => 14 + 34 * k + 22 * rush(hour(t)) * (0.4 + k) + 4 * noise(n, t)],
      pm10: ["ug/m3", 0, 1000, (n, t, k) => 28 + 50 * k + 35 * rush(hour(t)) * (0.4 + k) + 8 * noise(n, t)],
      temperature: ["Cel", -10, 60, (n, t, k) => 28.5 + 4 * wave(t, 24, -1.2) + k + 0.4 * noise(n, t)],
      humidity: ["%", 0, 100, (n, t, k) => 74 - 14 * wave(t, 24, -1.2) + 3 * k + 2 * noise(n, t)],
    },
  },
  "muc-nuoc": {
    title: "Trạm mực nước",
    streams: {
      water_level: ["m", -5, 10, (n, t, k) => 0.35 + 0.9 * wave(t, 12.42, k) + 0.35 * wave(t, 24.84, k) + 0.02 * noise(n, t)],
      rain: ["mm/h", 0, 300, (n, t, k) => Math.max(0, 30 * wave(t, 31, 6 * k) - 22 + 4 * noise(n, t))],
    },
  },
  "tieng-on": {
    title: "Trạm tiếng ồn",
    streams: {
      noise: ["dB", 20, 140, (n, t, k) => 52 + 12 * rush(hour(t)) + 8 * k + 5 * noise(n, t)],
      car_count: ["1", 0, 100000, (n, t, k) => Math.round(4 + 60 * rush(hour(t)) * (0.3 + k) + 6 * noise(n, t))],
    },
  },
  "den-duong": {
    title: "Tủ đèn đường",
    streams: { street_light: ["1", 0, 1, (_n, t) => (hour(t) < 5.8 || hour(t) > 18 ? 1 : 0)] },
  },
};

const kindNames = Object.keys(KINDS);
const registered = "2026-06-30T17:00:00.000000Z";

function device(index) {
  const ward = wards[Math.floor(chance(`w${index}`) * wards.length)];
  const kind = kindNames[Math.floor(chance(`k${index}`) * 10) < 5 ? 0 : 1 + (index % 3)];
  const name = `${kind}-${String(index).padStart(4, "0")}`;
  const spread = Math.sqrt(ward.area) / 300;
  const { title, streams } = KINDS[kind];
  return {
    name,
    title: `${title} ${ward.title.replace(/^(Phường|Xã|Đặc khu) /, "")} ${index}`,
    place: ward.name,
    position: {
      type: "Point",
      coordinates: [
        round(ward.longitude + (chance(`x${index}`) - 0.5) * spread, 5),
        round(ward.latitude + (chance(`y${index}`) - 0.5) * spread, 5),
      ],
    },
    simulated: true,
    registered,
    retired: null,
    last_seen: null,
    status: "online",
    datastreams: Object.entries(streams).map(([property, [unit, min, max]]) => ({
      name: property,
      property,
      unit,
      range: { min, max },
      categories: property === "street_light" ? { 0: "off", 1: "on" } : {},
    })),
  };
}

export const round = (value, digits) => Math.round(value * 10 ** digits) / 10 ** digits;

/** The devices, in order of name. */
export function fleet(count) {
  return Array.from({ length: count }, (_, index) => device(index + 1)).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** What a device never says, or stopped saying: so that absence can be seen on the page. */
export function silent(name, ms, now) {
  const c = chance(`s${name}`);
  if (c < 0.02) return true;
  if (c < 0.06) return ms > now - 3 * 3600_000;
  const outage = Math.floor(ms / (5 * 3600_000));
  return chance(`${name}o${outage}`) < 0.06 && ms % (5 * 3600_000) < 40 * 60_000;
}

/** The value of a datastream at a moment, with one or two decimals. */
export function value(name, property, ms) {
  const kind = KINDS[name.slice(0, name.lastIndexOf("-"))];
  const [unit, min, max, model] = kind.streams[property];
  const raw = model(`${name}/${property}`, ms, chance(`v${name}`));
  return { unit, value: round(Math.min(max, Math.max(min, raw)), property === "water_level" ? 2 : 1) };
}
