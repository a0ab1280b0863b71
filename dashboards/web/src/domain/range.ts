/** A preset ends now and moves with it; a fixed range stays. */
export type Range = { preset: Preset } | { fromMs: number; toMs: number };
export type Preset = "h1" | "h6" | "h24" | "d7" | "d30" | "y1";

const HOUR_MS = 3600_000;
export const PRESETS: Record<Preset, number> = {
  h1: HOUR_MS,
  h6: 6 * HOUR_MS,
  h24: 24 * HOUR_MS,
  d7: 7 * 24 * HOUR_MS,
  d30: 30 * 24 * HOUR_MS,
  y1: 365 * 24 * HOUR_MS,
};
export const PRESET_DEFAULT: Preset = "h6";
/** A range shorter than this can't be drawn usefully. */
const SPAN_MS_MIN = 10_000;

export function isPreset(text: string | null): text is Preset {
  return text !== null && Object.hasOwn(PRESETS, text);
}

/** The range that a route's query names. */
export function rangeOf(query: URLSearchParams): Range {
  const [fromMs, toMs] = [Number(query.get("from") ?? Number.NaN), Number(query.get("to") ?? Number.NaN)];
  if (toMs - fromMs >= SPAN_MS_MIN) return { fromMs, toMs };
  const preset = query.get("range");
  return { preset: isPreset(preset) ? preset : PRESET_DEFAULT };
}

export function rangeQuery(range: Range): Record<string, string> {
  if ("preset" in range) return range.preset === PRESET_DEFAULT ? {} : { range: range.preset };
  return { from: String(Math.round(range.fromMs)), to: String(Math.round(range.toMs)) };
}

/** The limits of a range at a moment. */
export function limits(range: Range, nowMs: number): { fromMs: number; toMs: number } {
  return "preset" in range ? { fromMs: nowMs - PRESETS[range.preset], toMs: nowMs } : range;
}

/** The same span, moved back (-1) or forward (1) by itself; what would end in the future follows the present. */
export function moved(range: Range, direction: -1 | 1, nowMs: number): Range {
  const { fromMs, toMs } = limits(range, nowMs);
  const span = toMs - fromMs;
  const next = { fromMs: fromMs + direction * span, toMs: toMs + direction * span };
  if (next.toMs < nowMs) return next;
  const preset = (Object.keys(PRESETS) as Preset[]).find((name) => PRESETS[name] === span);
  return preset ? { preset } : { fromMs: nowMs - span, toMs: nowMs };
}

/** A range drawn with the pointer, no shorter than can be drawn. */
export function chosen(fromMs: number, toMs: number): Range {
  const middle = (fromMs + toMs) / 2;
  const half = Math.max(SPAN_MS_MIN, toMs - fromMs) / 2;
  return { fromMs: Math.round(middle - half), toMs: Math.round(middle + half) };
}
