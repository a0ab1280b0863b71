import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type uPlot from "uplot";
import type { Datastream } from "../api/types";
import { columnsOf, type Columns } from "../domain/buckets";
import { isState, stepDecimals } from "../domain/properties";
import { propertyName, useText } from "../i18n/language";
import { useTheme } from "../state/hooks";
import { plot, show } from "./plot";
import type { SeriesView } from "./use-series";

interface Props {
  stream: Datastream;
  view: SeriesView;
  onZoom(fromMs: number, toMs: number): void;
}

/** The picture of a datastream's range, with what the pointer is on. */
export function Chart({ stream, view, onZoom }: Props) {
  const { t, f } = useText();
  const theme = useTheme();
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const [point, setPoint] = useState<number | null>(null);
  const callbacks = useRef({ onZoom });
  callbacks.current = { onZoom };
  const columns = useMemo(() => columnsOf(view.cells, view.widthMs), [view.version]);

  useEffect(() => {
    const element = box.current as HTMLDivElement;
    const made = plot(element, {
      theme,
      tick: (ms, step) => f.tick(ms, step),
      value: (value, step) => f.number(value, stepDecimals(step)),
      state: isState(stream.property) ? (value) => f.state(value, stream.property) : undefined,
      zoom: (from, to) => callbacks.current.onZoom(from, to),
      point: setPoint,
      syncKey: "device",
    });
    chart.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: element.clientHeight }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      chart.current = null;
    };
  }, [theme, f, stream.property]);
  useEffect(() => {
    if (chart.current) show(chart.current, columns, view.fromMs, view.toMs);
  }, [columns, view.fromMs, view.toMs, theme, f, stream.property]);

  return (
    <figure class="chart" aria-label={t.device.chartLabel(propertyName(t, stream.property))}>
      <div class="chart-box" ref={box} data-points={columns[0].length} />
      <figcaption class="chart-read" aria-hidden="true">
        <Read columns={columns} index={point} stream={stream} />
      </figcaption>
    </figure>
  );
}

/** What the pointer is on, in words; what the lines mean where it is on nothing. */
function Read({ columns, index, stream }: { columns: Columns; index: number | null; stream: Datastream }) {
  const { t, f } = useText();
  const at = index === null ? undefined : columns[0][index];
  const [min, max, mean] = index === null ? [] : [columns[1][index], columns[2][index], columns[3][index]];
  if (at === undefined || typeof mean !== "number" || typeof min !== "number" || typeof max !== "number") {
    return (
      <>
        <span class="key key-line">{t.device.mean}</span>
        <span class="key key-band">{t.device.band}</span>
        <span class="chart-hint">{t.device.zoomHint}</span>
      </>
    );
  }
  const text = (value: number) => f.measured(value, stream);
  if (isState(stream.property)) {
    return (
      <>
        <span>{f.dayClock(at * 1000)}</span>
        <span class="key key-line">{min === max ? f.state(min, stream.property) : `${f.state(min, stream.property)} – ${f.state(max, stream.property)}`}</span>
      </>
    );
  }
  return (
    <>
      <span>{f.dayClock(at * 1000)}</span>
      <span class="key key-line">{text(mean)}</span>
      <span class="key key-band">
        {text(min)} – {text(max)}
      </span>
    </>
  );
}
