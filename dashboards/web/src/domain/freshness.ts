import type { Reading } from "../api/types";
import { isMeasured } from "./buckets";
import { millis } from "./time";

/** A reading measured longer ago than this is shown as stale. */
export const STALE_MS = 15 * 60_000;

export type Freshness = "fresh" | "stale" | "none";

/** Whether there is a value to show, and whether it may still hold. */
export function freshness(reading: Reading | undefined, nowMs: number): Freshness {
  if (!reading || !isMeasured(reading)) return "none";
  return nowMs - millis(reading.time) > STALE_MS ? "stale" : "fresh";
}
