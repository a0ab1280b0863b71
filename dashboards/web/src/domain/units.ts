const PRETTY: Record<string, string> = {
  "1": "",
  Cel: "°C",
  degF: "°F",
  "ug/m3": "µg/m³",
  "mg/m3": "mg/m³",
  "m3/s": "m³/s",
  "W/m2": "W/m²",
  "%": "%",
  deg: "°",
  "[ppb]": "ppb",
  "[ppm]": "ppm",
  "dB[SPL]": "dB",
  "dB[A]": "dB(A)",
  "dB(A)": "dB(A)",
  "mm/h": "mm/h",
  "kW.h": "kWh",
  Ohm: "Ω",
  "{count}": "",
  "/min": "/min",
};

/** A UCUM unit as people write it: `ug/m3` → `µg/m³`, annotations (`{…}`) without braces. */
export function prettyUnit(ucum: string): string {
  const known = PRETTY[ucum];
  if (known !== undefined) return known;
  return ucum
    .replace(/\{([^}]*)\}/g, "$1")
    .replace(/\[([^\]]*)\]/g, "$1")
    .replace(/(\p{L})2(?![\d])/gu, "$1²")
    .replace(/(\p{L})3(?![\d])/gu, "$1³")
    .replace(/^u(?=[gmLs])/, "µ");
}

/** What each unit measures, and how it becomes the first unit of its kind: value × factor + offset. */
const KINDS: Record<string, [unit: string, factor: number, offset?: number][]> = {
  concentration: [["ug/m3", 1], ["mg/m3", 1000], ["ng/m3", 0.001], ["g/m3", 1e6], ["kg/m3", 1e9]],
  length: [
    ["m", 1], ["km", 1000], ["dm", 0.1], ["cm", 0.01], ["mm", 0.001],
    ["[ft_i]", 0.3048], ["ft", 0.3048], ["[in_i]", 0.0254], ["in", 0.0254], ["[yd_i]", 0.9144],
  ],
  temperature: [
    ["Cel", 1], ["°C", 1], ["degF", 5 / 9, -160 / 9], ["[degF]", 5 / 9, -160 / 9], ["°F", 5 / 9, -160 / 9], ["K", 1, -273.15],
  ],
  pressure: [["hPa", 1], ["mbar", 1], ["bar", 1000], ["Pa", 0.01], ["kPa", 10]],
  speed: [["m/s", 1], ["km/h", 1 / 3.6], ["[kn_i]", 1852 / 3600], ["kn", 1852 / 3600], ["[mi_i]/h", 0.44704]],
  rain: [["mm/h", 1], ["mm/min", 60], ["mm/s", 3600], ["cm/h", 10], ["[in_i]/h", 25.4], ["m/s", 3.6e6]],
  sound: [["dB[SPL]", 1], ["dB", 1], ["dB[A]", 1], ["dB(A)", 1]],
  share: [["%", 1], ["1", 100]],
};

/** Pure counts say what they count in braces, as `{vehicle}`, or nothing. */
const isCount = (unit: string) => unit === "1" || /^\{[^}]*\}$/.test(unit);

/** The value in another unit; undefined where there is no known way from one to the other. */
export function convert(value: number, from: string, to: string): number | undefined {
  if (from === to || (isCount(from) && isCount(to))) return value;
  for (const kind of Object.values(KINDS)) {
    const [a, b] = [from, to].map((unit) => kind.find(([name]) => name === unit));
    if (a && b) return (value * a[1] + (a[2] ?? 0) - (b[2] ?? 0)) / b[1];
  }
  return undefined;
}
