import { useRef } from "preact/hooks";
import { ApiError, api } from "../api/client";
import type { DeviceReconciliation, Health, Reconciliation } from "../api/types";
import { parseMetrics, sum, type Sample } from "../domain/prometheus";
import { Rate } from "../domain/rate";
import { useText } from "../i18n/language";
import { useCity } from "../state/city";
import { isSilent, useNow, usePolled } from "../state/hooks";
import { href } from "../state/route";
import { useSignal } from "../state/signal";
import { Icon } from "../ui/icons";
import { Empty, Failure, Heading, Loading } from "../ui/parts";

const READ_MS = 2000;
/** What hasn't been answered for so long is no longer how the platform is. */
const ANSWER_MS_MAX = 10_000;
/** The list by device is long where the fleet is. */
const BY_DEVICE_READ_MS = 15_000;
const DEVICE_ROWS_MAX = 50;

interface State {
  ready: Health["ready"];
  /** None while the platform starts. */
  running: { health: Health; samples: Sample[] } | null;
}

async function read(page: AbortSignal): Promise<State> {
  const signal = AbortSignal.any([page, AbortSignal.timeout(ANSWER_MS_MAX)]);
  try {
    const [health, metrics] = await Promise.all([api.health(signal), api.metrics(signal)]);
    return { ready: health.ready, running: { health, samples: parseMetrics(metrics) } };
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 503)) throw error;
    return { ready: await api.ready(signal), running: null };
  }
}

export function HealthPage() {
  const { t, f } = useText();
  const health = usePolled(read, READ_MS, "health");
  const now = useNow(1000);
  const silent = isSilent(health, now, ANSWER_MS_MAX);
  const { value } = health;
  return (
    <div class="column">
      <div class="page-head">
        <Heading>{t.health.title}</Heading>
        {health.atMs > 0 && (
          <p class="note">
            {t.health.updated(f.clock(health.atMs))} {t.zoneShort}
          </p>
        )}
      </div>
      {silent && value && (
        <p class="silence" role="alert" data-silent="true">
          <Icon name="warning" />
          <strong>{t.health.silent(`${f.dateTime(health.atMs)} ${t.zoneShort}`)}</strong> {t.health.stale}
        </p>
      )}
      {health.error !== null && <Failure error={health.error} retry={health.reload} />}
      {!value && health.error === null && <Loading />}
      {value && (
        <>
          {value.running && <Balance figures={value.running.health.reconciliation} silent={silent} />}
          <div class={value.running ? "two" : ""}>
            <Parts ready={value.ready} silent={silent} />
            {value.running && <Figures {...value.running} atMs={health.atMs} silent={silent} />}
          </div>
        </>
      )}
      <ByDevice silent={silent} />
    </div>
  );
}

/** The equation of the platform, with both sides and a mark that says whether they are equal. */
function Balance({ figures, silent }: { figures: Reconciliation; silent: boolean }) {
  const { t, f } = useText();
  const { received, stored, duplicate, rejected, pending, unread } = figures;
  const gap = received - (stored + duplicate + rejected + pending);
  const settled = pending === 0 && unread === 0;
  const term = (key: "received" | "stored" | "duplicate" | "rejected" | "pending", value: number) => (
    <div class={`term term-${key}`}>
      <dt>{t.health[key]}</dt>
      <dd data-figure={key} data-value={value}>{f.number(value)}</dd>
    </div>
  );
  return (
    <section class={`card balance ${silent ? "before" : ""}`} aria-labelledby="balance">
      <div class="balance-head">
        <h2 id="balance">{t.health.reconciliation}</h2>
        <Verdict gap={gap} silent={silent} />
      </div>
      <p class="note">{t.health.explain}</p>
      <dl class="equation">
        {term("received", received)}
        {term("stored", stored)}
        {term("duplicate", duplicate)}
        {term("rejected", rejected)}
        {term("pending", pending)}
      </dl>
      <Shares figures={figures} />
      <p class="balance-foot">
        <span>
          {t.health.unread}: <strong data-figure="unread">{f.number(unread)}</strong> <span class="note">({t.health.unreadNote})</span>
        </span>
        <span>{silent ? t.health.unknownNow : settled ? t.health.allQueryable : t.health.notAllQueryable}</span>
      </p>
    </section>
  );
}

/** Whether the sides are equal; of old figures nothing is said about now. */
function Verdict({ gap, silent }: { gap: number; silent: boolean }) {
  const { t, f } = useText();
  const kind = silent ? "unknown" : gap === 0 ? "good" : "bad";
  return (
    <p class={`verdict verdict-${kind}`} data-adds-up={silent ? "unknown" : gap === 0}>
      <Icon name={silent ? "warning" : gap === 0 ? "check" : "cross"} size={18} />
      {silent ? t.health.unknown : gap === 0 ? t.health.addsUp : t.health.doesNotAddUp(f.number(gap))}
    </p>
  );
}

/** The right side as a bar; parts that aren't nothing are seen even if they are small. */
function Shares({ figures }: { figures: Reconciliation }) {
  const parts = ["stored", "duplicate", "rejected", "pending"] as const;
  return (
    <div class="shares" aria-hidden="true">
      {parts.map((key) => figures[key] > 0 && <span key={key} class={`share share-${key}`} style={{ flexGrow: figures[key] }} />)}
    </div>
  );
}

function Parts({ ready, silent }: { ready: Health["ready"]; silent: boolean }) {
  const { t } = useText();
  return (
    <section class="card" aria-labelledby="parts">
      <h2 id="parts">{t.health.parts}</h2>
      <ul class="parts">
        {Object.entries(ready.parts).map(([name, part]) => (
          <li key={name} class={silent ? "unknown" : part.ready ? "good" : "bad"}>
            <Icon name={part.ready && !silent ? "check" : "warning"} size={18} />
            {t.health.partNames[name] ? <span class="part-name">{t.health.partNames[name]}</span> : <code>{name}</code>}
            <span>{silent ? t.health.unknown : part.ready ? t.health.ready : t.health.notReady}</span>
            {part.detail && !silent && <span class="note" lang="en">{part.detail}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Figures({ samples, atMs, health, silent }: { samples: Sample[]; atMs: number; health: Health; silent: boolean }) {
  const { t, f } = useText();
  const rate = useRef(new Rate());
  const perSecond = rate.current.at(atMs, health.reconciliation.received);
  const [commits, seconds] = [sum(samples, "nhip_log_commit_seconds_count"), sum(samples, "nhip_log_commit_seconds_sum")];
  const version = samples.find((sample) => sample.name.endsWith("build_info"))?.labels["version"];
  const text = (name: string, format: (value: number) => string) => {
    const value = sum(samples, name);
    return value === undefined ? t.noData : format(value);
  };
  const count = (value: number) => f.number(value);
  const rows: [string, string][] = [
    [t.health.rate, silent ? t.health.unknown : perSecond === null ? t.noValue : f.number(perSecond, perSecond < 100 ? 1 : 0)],
    [t.health.lag, `${f.duration(health.lag.seconds)} · ${t.health.records(f.number(health.lag.records))}`],
    [t.health.devices, `${count(health.counts.devices)} · ${t.health.streams(count(health.counts.datastreams))}`],
    [t.health.connections, text("nhip_mqtt_connections", count)],
    [t.health.logBytes, f.bytes(health.log.bytes)],
    [t.health.storeBytes, `${health.store.bytes ? f.bytes(health.store.bytes) : t.health.storeNone} · ${t.health.inMemory(count(health.store.open_readings))}`],
    [t.health.commit, commits && seconds !== undefined ? f.duration(seconds / commits) : t.noData],
    [t.health.subscribers, count(health.counts.live_subscribers)],
    [t.health.dropped, text("nhip_live_dropped_total", count)],
    [t.health.version, version ?? t.noData],
  ];
  return (
    <section class={`card ${silent ? "before" : ""}`} aria-labelledby="figures">
      <h2 id="figures">{t.health.figures}</h2>
      <dl class="facts">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function ByDevice({ silent }: { silent: boolean }) {
  const { t, f } = useText();
  const city = useCity();
  useSignal(city.fleet.devices);
  const list = usePolled((signal) => api.reconciliationByDevice(signal), BY_DEVICE_READ_MS, "by-device");
  const found = (list.value ?? []).filter((row) => row.duplicate > 0 || row.rejected > 0);
  found.sort((a, b) => b.rejected - a.rejected || b.duplicate - a.duplicate || a.device.localeCompare(b.device));
  const name = (row: DeviceReconciliation) => city.fleet.entries.get(row.device)?.title ?? row.device;
  return (
    <section class={`card ${silent ? "before" : ""}`} aria-labelledby="by-device">
      <h2 id="by-device">{t.health.byDevice}</h2>
      {list.error !== null && <Failure error={list.error} retry={list.reload} />}
      {!list.value && list.error === null && <Loading />}
      {list.value && !found.length && <Empty>{silent ? t.health.unknown : t.health.none}</Empty>}
      {found.length > 0 && (
        <div class="table-scroll" tabIndex={0} role="region" aria-labelledby="by-device">
          <table>
            <thead>
              <tr>
                <th scope="col">{t.health.device}</th>
                {(["received", "stored", "duplicate", "rejected", "pending"] as const).map((key) => (
                  <th scope="col" key={key}>{t.health[key]}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {found.slice(0, DEVICE_ROWS_MAX).map((row) => (
                <tr key={row.device}>
                  <th scope="row"><a href={href("device", {}, row.device)}>{name(row)}</a></th>
                  <td>{f.number(row.received)}</td>
                  <td>{f.number(row.stored)}</td>
                  <td>{f.number(row.duplicate)}</td>
                  <td>
                    {row.rejected > 0 ? <a href={href("dead-letters", { device: row.device })}>{f.number(row.rejected)}</a> : f.number(0)}
                  </td>
                  <td>{f.number(row.pending)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {found.length > DEVICE_ROWS_MAX && <p class="note">{t.health.more(f.number(found.length - DEVICE_ROWS_MAX))}</p>}
    </section>
  );
}
