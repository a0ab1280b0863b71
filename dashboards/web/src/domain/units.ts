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
