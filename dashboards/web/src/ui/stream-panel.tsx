import { useState } from "preact/hooks";
import { url } from "../api/client";
import type { Datastream, Device, Reading } from "../api/types";
import { Chart } from "../chart/chart";
import { useSeries, type SeriesView } from "../chart/use-series";
import { summary } from "../domain/buckets";
import { freshness } from "../domain/freshness";
import { bandOf, decimalsOf, isState, scaleOf } from "../domain/properties";
import type { Range } from "../domain/range";
import { millis } from "../domain/time";
import { prettyUnit } from "../domain/units";
import { propertyName, useText } from "../i18n/language";
import { useNow } from "../state/hooks";
import { Icon } from "./icons";
import { Mark } from "./mark";
import { SimulatedBadge, useAbsence } from "./parts";

const TABLE_ROWS_MAX = 200;

interface Props {
  device: Device;
  stream: Datastream;
  newest: Reading | undefined;
  range: Range;
  onZoom(fromMs: number, toMs: number): void;
}

/** One datastream: its newest value, its chart, the figures of the range, a table, a download. */
export function StreamPanel({ device, stream, newest, range, onZoom }: Props) {
  const { t } = useText();
  const view = useSeries(device.name, stream, range);
  const [table, setTable] = useState(false);
  const csv = url("/api/v1/readings", {
    device: device.name, datastream: stream.name, from: Math.round(view.fromMs), to: Math.round(view.toMs), format: "csv",
  });
  const id = `stream-${stream.name}`;
  return (
    <article class="card panel" aria-labelledby={id} data-stream={stream.name}>
      <header class="panel-head">
        <div>
          <h3 id={id}>
            {propertyName(t, stream.property)} {stream.name !== stream.property && <code>{stream.name}</code>} {device.simulated && <SimulatedBadge />}
          </h3>
          <Newest stream={stream} reading={newest} />
        </div>
      </header>
      <div class="chart-area">
        <Chart stream={stream} view={view} onZoom={onZoom} />
        {view.state === "failed" && <p class="chart-message" role="alert">{t.failed}. <button type="button" onClick={view.reload}>{t.retry}</button></p>}
        {view.state === "ready" && !view.cells.length && <p class="chart-message">{t.device.nothing}</p>}
        {view.state === "loading" && !view.cells.length && <p class="chart-message">{t.loading}</p>}
      </div>
      <Figures stream={stream} view={view} />
      <footer class="panel-foot">
        <button type="button" class="quiet" aria-expanded={table} aria-controls={`${id}-table`} onClick={() => setTable(!table)}>
          {t.device.table}
        </button>
        <a class="button quiet" href={csv} download={`${device.name}-${stream.name}.csv`}>
          <Icon name="download" size={16} /> {t.device.csv}
        </a>
      </footer>
      <div id={`${id}-table`}>{table && <Table stream={stream} view={view} />}</div>
    </article>
  );
}

function Newest({ stream, reading }: { stream: Datastream; reading: Reading | undefined }) {
  const { t, f } = useText();
  const now = useNow(1000);
  const absent = useAbsence();
  const fresh = freshness(reading, now);
  const shown = fresh !== "none" && typeof reading?.value === "number";
  return (
    <p class="newest">
      <span class={`newest-value value-${fresh}`} data-newest={stream.name}>
        {shown ? f.value(reading.value as number, stream) : absent}
      </span>
      {shown && <BandName stream={stream} reading={reading} now={now} />}
      {reading && (
        <span class="newest-facts">
          <span class={`quality quality-${reading.quality}`}>{t.qualities[reading.quality] ?? reading.quality}</span>
          {fresh === "stale" && <span class="tag tag-stale">{t.stale}</span>}
          <span>
            {t.device.measured} <time dateTime={reading.time}>{f.dateTime(millis(reading.time))}</time> {t.zoneShort}
            {reading.time_source === "arrival" && <em> ({t.device.arrival})</em>}
          </span>
        </span>
      )}
    </p>
  );
}

/** The band of a value, where bands judge: a mark and a word. */
function BandName({ stream, reading, now }: { stream: Datastream; reading: Reading; now: number }) {
  const { t } = useText();
  const scale = scaleOf(stream.property, () => []);
  const band = bandOf(scale, { value: reading.value as number, unit: reading.unit });
  if (scale.kind !== "alert" || !band?.label) return null;
  return (
    <span class="band-name" title={t.map.legendNote}>
      <Mark reading={reading} scale={scale} now={now} />
      {t.bands[band.label]}
    </span>
  );
}

function Figures({ stream, view }: { stream: Datastream; view: SeriesView }) {
  const { t, f } = useText();
  const total = summary(view.cells);
  const text = (value: number | undefined) =>
    value === undefined ? t.noValue : f.measured(value, stream);
  if (isState(stream.property)) return <StateFigures stream={stream} total={total} />;
  return (
    <dl class="figures">
      <div><dt>{t.device.min}</dt><dd>{text(total?.min)}</dd></div>
      <div><dt>{t.device.mean}</dt><dd>{text(total?.mean)}</dd></div>
      <div><dt>{t.device.max}</dt><dd>{text(total?.max)}</dd></div>
      <div><dt>{t.device.count}</dt><dd data-count={total?.count ?? 0}>{total ? f.number(total.count) : t.noValue}</dd></div>
    </dl>
  );
}

/** Of a state: the part of its readings that say on. */
function StateFigures({ stream, total }: { stream: Datastream; total: ReturnType<typeof summary> }) {
  const { t, f } = useText();
  return (
    <dl class="figures">
      <div><dt>{f.state(1, stream.property)}</dt><dd>{total ? f.withUnit(f.number(total.mean * 100), "%") : t.noValue}</dd></div>
      <div><dt>{t.device.count}</dt><dd data-count={total?.count ?? 0}>{total ? f.number(total.count) : t.noValue}</dd></div>
    </dl>
  );
}

function Table({ stream, view }: { stream: Datastream; view: SeriesView }) {
  const { t, f } = useText();
  const rows = view.cells.slice(-TABLE_ROWS_MAX).reverse();
  const text = (value: number) => f.number(value, decimalsOf(stream.property, stream.unit));
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label={`${t.device.table}: ${propertyName(t, stream.property)}`}>
      <table>
        <caption>
          {[propertyName(t, stream.property), prettyUnit(stream.unit)].filter(Boolean).join(", ")} · {t.zone} · {t.device.bucket(f.duration(view.widthMs / 1000))} ·{" "}
          {t.device.tableNote(f.number(rows.length), f.number(view.cells.length))}
        </caption>
        <thead>
          <tr>
            <th scope="col">{t.device.time}</th>
            <th scope="col">{t.device.min}</th>
            <th scope="col">{t.device.mean}</th>
            <th scope="col">{t.device.max}</th>
            <th scope="col">{t.device.last}</th>
            <th scope="col">{t.device.count}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((cell) => (
            <tr key={cell.startMs}>
              <th scope="row">{f.dateTime(cell.startMs)}</th>
              <td>{text(cell.min)}</td>
              <td>{text(cell.mean)}</td>
              <td>{text(cell.max)}</td>
              <td>{text(cell.last)}</td>
              <td>{f.number(cell.count)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
