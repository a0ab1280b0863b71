/** The city's zone: UTC+7, no daylight saving time. */
export const ZONE = "Asia/Ho_Chi_Minh";
export const ZONE_OFFSET_MS = 7 * 3600_000;

/** Milliseconds since 1970 of an RFC 3339 time (microseconds are cut); NaN where it is none. */
export function millis(time: string | null | undefined): number {
  return time ? Date.parse(time) : Number.NaN;
}

/** The starts of the city's months in a range, ms since 1970, each so many months from January, at most 100. */
export function monthStarts(fromMs: number, toMs: number, everyMonths: number): number[] {
  const local = new Date(fromMs + ZONE_OFFSET_MS);
  const starts: number[] = [];
  for (let month = Math.ceil(local.getUTCMonth() / everyMonths) * everyMonths; starts.length < 100; month += everyMonths) {
    const at = Date.UTC(local.getUTCFullYear(), month, 1) - ZONE_OFFSET_MS;
    if (at > toMs) break;
    if (at >= fromMs) starts.push(at);
  }
  return starts;
}

/** The value of a `datetime-local` input that shows this moment in the city's zone. */
export function toLocalInput(ms: number): string {
  return new Date(ms + ZONE_OFFSET_MS).toISOString().slice(0, 16);
}

/** The moment that a `datetime-local` input means in the city's zone; NaN where it is empty. */
export function fromLocalInput(text: string): number {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text) ? Date.parse(`${text.slice(0, 16)}:00Z`) - ZONE_OFFSET_MS : Number.NaN;
}
