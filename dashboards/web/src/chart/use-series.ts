import { useEffect, useRef, useState } from "preact/hooks";
import { api } from "../api/client";
import type { Datastream } from "../api/types";
import { add, cellsOf, isMeasured, trim, widthOf, type Cell } from "../domain/buckets";
import { limits, rangeQuery, type Range } from "../domain/range";
import { millis } from "../domain/time";
import { useCity } from "../state/city";
import { useSignal } from "../state/signal";

/** Buckets a chart asks for. */
const POINTS = 600;
/** Late readings change old buckets: a range that follows the present is read anew this often. */
const REREAD_MS = 5 * 60_000;
/** A chart is drawn anew at most this often. */
const DRAW_MS = 250;

export interface SeriesView {
  cells: Cell[];
  widthMs: number;
  fromMs: number;
  toMs: number;
  state: "loading" | "ready" | "failed";
  error: unknown;
  /** Counts changes of the cells, which are changed in place. */
  version: number;
  reload(): void;
}

/** The buckets of a datastream in a range, with live readings added while it follows the present. */
export function useSeries(device: string, stream: Datastream, range: Range): SeriesView {
  const city = useCity();
  const reopened = useSignal(city.reopened);
  const [round, setRound] = useState(0);
  const [, draw] = useState(0);
  const view = useRef<SeriesView | null>(null);
  const key = JSON.stringify(rangeQuery(range));
  const live = "preset" in range;
  view.current ??= { cells: [], widthMs: 1, ...limits(range, Date.now()), state: "loading", error: null, version: 0, reload: () => setRound((n) => n + 1) };

  const change = (next: Partial<SeriesView>) => {
    const old = view.current as SeriesView;
    view.current = { ...old, ...next, version: old.version + 1 };
    draw((n) => n + 1);
  };

  useEffect(() => {
    const abort = new AbortController();
    const { fromMs, toMs } = limits(range, Date.now());
    change({ state: "loading", fromMs, toMs });
    const query = { device, datastream: stream.name, from: Math.round(fromMs), to: Math.round(toMs), points: POINTS };
    api.series(query, abort.signal).then(
      (series) => change({ cells: cellsOf(series.items), widthMs: widthOf(series), state: "ready", error: null }),
      (error: unknown) => abort.signal.aborted || change({ cells: [], state: "failed", error }),
    );
    const timer = live ? setTimeout(() => setRound((n) => n + 1), REREAD_MS) : undefined;
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [device, stream.name, key, round, live ? reopened : 0]);

  useEffect(() => {
    if (!live) return;
    let due = true;
    const off = city.onReadings((batch) => {
      const now = view.current as SeriesView;
      if (now.state !== "ready") return;
      for (const reading of batch) {
        if (reading.device !== device || reading.datastream !== stream.name || !isMeasured(reading)) continue;
        add(now.cells, now.widthMs, millis(reading.time), reading.value);
        due = true;
      }
    });
    const timer = setInterval(() => {
      const now = view.current as SeriesView;
      const { fromMs, toMs } = limits(range, Date.now());
      const moved = toMs - now.toMs > (toMs - fromMs) / 1000;
      if (document.visibilityState !== "visible" || now.state !== "ready" || (!due && !moved)) return;
      due = false;
      trim(now.cells, fromMs);
      change({ fromMs, toMs });
    }, DRAW_MS);
    return () => {
      off();
      clearInterval(timer);
    };
  }, [city, device, stream.name, key, live]);

  return view.current;
}
