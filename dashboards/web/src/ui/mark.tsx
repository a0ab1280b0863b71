import { freshness } from "../domain/freshness";
import { colourIndex, palette } from "../domain/colours";
import { bandOf, type PropertyScale } from "../domain/properties";
import type { Reading } from "../api/types";
import { useTheme } from "../state/hooks";

/**
 * The mark of a value, the same on the map, in lists and in the legend: filled for a fresh
 * value, a ring for a stale one, a crossed small circle for none; neutral where the bands don't know its unit.
 */
export function Mark({ reading, scale, now }: { reading: Reading | undefined; scale: PropertyScale; now: number }) {
  const theme = useTheme();
  const fresh = freshness(reading, now);
  if (fresh === "none" || typeof reading?.value !== "number") return <Shape kind="none" colour="" />;
  const band = bandOf(scale, { value: reading.value, unit: reading.unit });
  return <Shape kind={fresh} colour={palette(theme)[colourIndex(scale, band)] ?? ""} />;
}

export function Shape({ kind, colour }: { kind: "fresh" | "stale" | "none"; colour: string }) {
  return (
    <svg class="mark" width="16" height="16" viewBox="0 0 16 16" aria-hidden="true" data-kind={kind}>
      {kind === "fresh" && <circle cx="8" cy="8" r="6" fill={colour} class="mark-fresh" />}
      {kind === "stale" && <circle cx="8" cy="8" r="5" fill="none" stroke={colour} stroke-width="2.500" stroke-dasharray="3 2" />}
      {kind === "none" && <path d="M8 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM5.500 10.500l5-5" class="mark-none" />}
    </svg>
  );
}
