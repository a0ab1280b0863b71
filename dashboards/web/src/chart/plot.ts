import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Columns } from "../domain/buckets";
import { monthStarts, ZONE, ZONE_OFFSET_MS } from "../domain/time";
import type { Theme } from "../domain/colours";

const COLOURS = {
  light: { line: "#0b6e6e", band: "rgba(11,110,110,0.22)", grid: "rgba(20,50,60,0.10)", text: "#4c5d64" },
  dark: { line: "#5fd0c5", band: "rgba(95,208,197,0.26)", grid: "rgba(200,230,235,0.10)", text: "#9db1b8" },
} as const;

/** A state holds until the next is told. */
const STEPPED: uPlot.Series = { paths: (uPlot.paths.stepped as uPlot.Series.SteppedPathBuilderFactory)({ align: 1 }) };

export interface PlotOptions {
  theme: Theme;
  /** A label of the time axis; the step between labels is in ms. */
  tick(ms: number, stepMs: number): string;
  /** A label of the value axis; the step tells how many decimals are worth it. */
  value(value: number, step: number): string;
  /** Words for off and on, where the values are nothing else. */
  state: ((value: number) => string) | undefined;
  /** A time range was drawn with the pointer. */
  zoom(fromMs: number, toMs: number): void;
  /** The pointer is on a point, or on none. */
  point(index: number | null): void;
  /** Charts of the same key share their cursor. */
  syncKey: string;
}

/**
 * The chart that the pointer was last pressed on. Charts that share their cursor are all told of a
 * range that is drawn in one of them, and would each make it the address.
 */
let pressed: uPlot | undefined;

/** A chart of a mean with its band from min to max. */
export function plot(box: HTMLElement, options: PlotOptions): uPlot {
  const c = COLOURS[options.theme];
  const font = '12px "Be Vietnam Pro", system-ui, sans-serif';
  const axis = { stroke: c.text, font, grid: { stroke: c.grid, width: 1 }, ticks: { show: false } };
  const edge = { stroke: "transparent", width: 0, points: { show: false } };
  const chart = new uPlot(
    {
      width: Math.max(200, box.clientWidth),
      height: Math.max(120, box.clientHeight),
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), ZONE),
      legend: { show: false },
      cursor: {
        drag: { x: true, y: false, setScale: false, dist: 8 },
        points: { size: 7 },
        sync: { key: options.syncKey, setSeries: false },
        y: false,
      },
      scales: { x: { time: true }, y: { range: (_, min, max) => (options.state ? [-0.1, 1.1] : spread(min, max)) } },
      axes: [
        { ...axis, space: 76, size: 32, splits: timeSplits, values: (_u, splits, _a, _space, step) => splits.map((each) => options.tick(each * 1000, step * 1000)) },
        options.state
          ? { ...axis, size: 56, splits: () => [0, 1], values: (_u, splits) => splits.map(options.state as (value: number) => string) }
          : { ...axis, size: 56, values: (_u, splits, _a, _space, step) => splits.map((each) => options.value(each, step)) },
      ],
      series: [
        {},
        edge,
        edge,
        { stroke: c.line, width: 1.75, points: { size: 4, fill: c.line, width: 0 }, ...(options.state ? STEPPED : {}) },
      ],
      bands: [{ series: [2, 1], fill: c.band }],
      hooks: {
        setSelect: [
          (u) => {
            if (u.select.width < 4) return;
            if (pressed === u) options.zoom(u.posToVal(u.select.left, "x") * 1000, u.posToVal(u.select.left + u.select.width, "x") * 1000);
            u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          },
        ],
        setCursor: [(u) => options.point(u.cursor.idx ?? null)],
      },
    },
    [[], [], [], []],
    box,
  );
  chart.over.addEventListener("mousedown", () => (pressed = chart));
  // The picture is for the eye; the table beside it says the same in words.
  chart.root.setAttribute("aria-hidden", "true");
  return chart;
}

const ZONE_OFFSET_S = ZONE_OFFSET_MS / 1000;
const MONTH_S = 28 * 86_400;

/** Of months, the starts of the city's; of anything finer, even steps from the city's midnight. */
function timeSplits(_: uPlot, _axis: number, min: number, max: number, step: number): number[] {
  if (step >= MONTH_S) {
    const months = Math.max(1, Math.round(step / (30 * 86_400)));
    return monthStarts(min * 1000, max * 1000, months).map((ms) => ms / 1000);
  }
  const first = Math.ceil((min + ZONE_OFFSET_S) / step) * step - ZONE_OFFSET_S;
  const splits: number[] = [];
  for (let at = first; at <= max && splits.length < 100; at += step) splits.push(at);
  return splits;
}

/** Sets the data and the window at once, so that the chart is drawn once. */
export function show(chart: uPlot, columns: Columns, fromMs: number, toMs: number): void {
  chart.batch(() => {
    chart.setData(columns, false);
    chart.setScale("x", { min: fromMs / 1000, max: toMs / 1000 });
  });
}

/** The value axis: with air around the values, and not so narrow that noise looks like an event. */
function spread(min: number | null, max: number | null): [number, number] {
  if (min === null || max === null || !Number.isFinite(min) || !Number.isFinite(max)) return [0, 1];
  const pad = Math.max((max - min) * 0.08, Math.abs(max) * 0.01, 0.05);
  const low = min >= 0 && min - pad < 0 ? 0 : min - pad;
  return [low, max + pad];
}
