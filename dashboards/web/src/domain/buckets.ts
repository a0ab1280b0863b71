import type { Bucket, Reading, Series } from "../api/types";
import { millis } from "./time";

/** A bucket with its start in ms since 1970. */
export interface Cell {
  startMs: number;
  count: number;
  min: number;
  mean: number;
  max: number;
  last: number;
}

/** What a chart draws, times in seconds; a gap is a row of nulls. */
export type Columns = [x: number[], min: (number | null)[], max: (number | null)[], mean: (number | null)[]];

/** A hole longer than so many usual distances is a gap. */
const GAP_DISTANCES = 3.5;
/** The usual distance at a place is that of so many before and after it. */
const PACE_DISTANCES = 7;
/** Live readings may make so many buckets more than a range asked for. */
const CELLS_MAX = 4000;

export function cellsOf(items: readonly Bucket[]): Cell[] {
  return items.map(({ time, ...rest }) => ({ startMs: millis(time), ...rest })).filter((cell) => cell.count > 0);
}

/** Milliseconds that a bucket covers. */
export function widthOf(series: Series): number {
  return Math.max(1, series.bucket_s * 1000);
}

/** Only what was measured is drawn: `fault` and `missing` take no part, as in the stored buckets. */
export function isMeasured(reading: Reading): reading is Reading & { value: number } {
  return typeof reading.value === "number" && reading.quality !== "fault" && reading.quality !== "missing";
}

/** Adds a live reading in place; late ones go where they belong, readings before the first bucket are left out. */
export function add(cells: Cell[], widthMs: number, timeMs: number, value: number): void {
  const last = cells.at(-1);
  if (!last || timeMs >= last.startMs + widthMs) {
    const startMs = last ? last.startMs + Math.floor((timeMs - last.startMs) / widthMs) * widthMs : timeMs;
    cells.push({ startMs, count: 1, min: value, mean: value, max: value, last: value });
    if (cells.length > CELLS_MAX) cells.splice(0, cells.length - CELLS_MAX);
    return;
  }
  let index = cells.length - 1;
  while (index >= 0 && (cells[index] as Cell).startMs > timeMs) index--;
  const cell = cells[index];
  if (!cell) return;
  if (timeMs >= cell.startMs + widthMs) {
    const startMs = cell.startMs + Math.floor((timeMs - cell.startMs) / widthMs) * widthMs;
    cells.splice(index + 1, 0, { startMs, count: 1, min: value, mean: value, max: value, last: value });
    return;
  }
  cell.mean = (cell.mean * cell.count + value) / (cell.count + 1);
  cell.count++;
  cell.min = Math.min(cell.min, value);
  cell.max = Math.max(cell.max, value);
  cell.last = value;
}

/** Lets go of what is before the window. */
export function trim(cells: Cell[], fromMs: number): void {
  const keep = cells.findIndex((cell) => cell.startMs >= fromMs);
  if (keep > 0) cells.splice(0, keep - 1);
}

/** The columns of a chart. A reading a minute in buckets of a second is no row of gaps: the usual distance counts. */
export function columnsOf(cells: readonly Cell[], widthMs: number): Columns {
  const columns: Columns = [[], [], [], []];
  const usual = usualDistances(cells);
  let before = Number.NaN;
  for (const [i, cell] of cells.entries()) {
    const hole = GAP_DISTANCES * Math.max(widthMs, usual[i] ?? 0);
    if (cell.startMs - before > hole) push(columns, (before + cell.startMs) / 2, null, null, null);
    push(columns, cell.startMs + widthMs / 2, cell.min, cell.max, cell.mean);
    before = cell.startMs;
  }
  return columns;
}

function push(columns: Columns, ms: number, min: number | null, max: number | null, mean: number | null): void {
  columns[0].push(ms / 1000);
  columns[1].push(min);
  columns[2].push(max);
  columns[3].push(mean);
}

/** How far apart readings usually are around each cell: a device's pace may change within a range. */
function usualDistances(cells: readonly Cell[]): number[] {
  const distances = cells.slice(1).map((cell, i) => cell.startMs - (cells[i] as Cell).startMs);
  return cells.map((_, i) => {
    const before = median(distances.slice(Math.max(0, i - 1 - PACE_DISTANCES), Math.max(0, i - 1)));
    const after = median(distances.slice(i, i + PACE_DISTANCES));
    return Math.max(before, after) || Number.POSITIVE_INFINITY;
  });
}

function median(values: number[]): number {
  values.sort((a, b) => a - b);
  return values[Math.floor(values.length / 2)] ?? 0;
}

export interface Summary {
  count: number;
  min: number;
  mean: number;
  max: number;
}

/** The figures of a whole range; none where nothing was measured. */
export function summary(cells: readonly Cell[]): Summary | null {
  const total = { count: 0, min: Number.POSITIVE_INFINITY, mean: 0, max: Number.NEGATIVE_INFINITY };
  for (const cell of cells) {
    total.count += cell.count;
    total.mean += cell.mean * cell.count;
    total.min = Math.min(total.min, cell.min);
    total.max = Math.max(total.max, cell.max);
  }
  return total.count ? { ...total, mean: total.mean / total.count } : null;
}
