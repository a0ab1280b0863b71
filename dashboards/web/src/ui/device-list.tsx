import { useEffect, useMemo, useState } from "preact/hooks";
import { freshness } from "../domain/freshness";
import { arranged, type Sort, type SortKey } from "../domain/sorting";
import { millis } from "../domain/time";
import { propertyName, useText } from "../i18n/language";
import { useCity } from "../state/city";
import { newestOf, type Entry } from "../state/fleet";
import { useNow } from "../state/hooks";
import { useSignal } from "../state/signal";
import type { Subject } from "../state/subject";
import { Icon } from "./icons";
import { Mark } from "./mark";
import { Empty, Failure, Loading, useAbsence } from "./parts";
import { VirtualList } from "./virtual-list";

const ROW_PX = 64;
/** Rows change places at most this often, so that the eye can follow. */
const ARRANGE_MS = 5000;

interface Props {
  subject: Subject;
  /** Where a row leads. */
  href(entry: Entry): string;
  current?: string;
  wide?: boolean;
  /** Only devices that observe what is looked at, as the map shows them; a search looks at all. */
  observing?: boolean;
}

/** The devices with search and order; the accessible twin of the map. */
export function DeviceList({ subject, href, current, wide = false, observing = false }: Props) {
  const { t, f } = useText();
  const city = useCity();
  const devices = useSignal(city.fleet.devices);
  const loaded = useSignal(city.loaded);
  const error = useSignal(city.error);
  useSignal(city.fleet.readings);
  const round = useNow(ARRANGE_MS);
  const now = useNow(1000);
  const [query, setQuery] = useState("");
  const [sort, setSort] = useState<Sort>({ key: "name", descending: false });
  const among = useMemo(() => {
    const all = [...city.fleet.entries.values()];
    return observing && !query ? all.filter((entry) => subject.of(entry) !== undefined) : all;
  }, [city, devices, observing, query, subject.property]);
  const items = useMemo(
    () => arranged(among, query, sort, (entry) => subject.order(entry)),
    [among, query, sort, subject, sort.key === "name" ? 0 : round],
  );
  const total = among.length;
  if (!loaded) return error ? <Failure error={error} retry={() => void city.loadDevices()} /> : <Loading />;
  return (
    <section class={`device-list ${wide ? "wide" : ""}`} aria-label={t.list.title}>
      <div class="list-tools">
        <Search value={query} onChange={setQuery} />
        <Sorting sort={sort} onSort={setSort} />
        <Count text={t.list.count(f.number(items.length), f.number(total))} />
      </div>
      {items.length ? (
        <VirtualList items={items} rowHeightPx={ROW_PX} label={t.list.title} keyOf={(entry) => entry.device.name} href={href}
          isCurrent={(entry) => entry.device.name === current}>
          {(entry) => <Row entry={entry} subject={subject} now={now} />}
        </VirtualList>
      ) : (
        <Empty>{total ? t.list.none : t.list.empty}</Empty>
      )}
    </section>
  );
}

/** The count is spoken once typing rests, not at every key. */
function Count({ text }: { text: string }) {
  const [spoken, speak] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => speak(text), 700);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <p class="list-count">
      <span aria-hidden="true">{text}</span>
      <span class="hidden" role="status">
        {spoken}
      </span>
    </p>
  );
}

function Search({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const { t } = useText();
  return (
    <div class="search" role="search">
      <Icon name="search" size={18} />
      <input type="search" value={value} placeholder={t.list.search} aria-label={t.list.search} autocomplete="off" spellcheck={false}
        onInput={(event) => onChange(event.currentTarget.value)} onKeyDown={(event) => event.key === "Escape" && onChange("")} />
      {value && (
        <button type="button" class="quiet" aria-label={t.list.clear} onClick={() => onChange("")}>
          <Icon name="close" size={16} />
        </button>
      )}
    </div>
  );
}

function Sorting({ sort, onSort }: { sort: Sort; onSort: (sort: Sort) => void }) {
  const { t } = useText();
  const keys: [SortKey, string][] = [["name", t.list.byName], ["value", t.list.byValue], ["seen", t.list.bySeen]];
  const next = (key: SortKey): Sort => ({ key, descending: sort.key === key ? !sort.descending : key !== "name" });
  return (
    <div class="segments" role="group" aria-label={t.list.sort}>
      {keys.map(([key, label]) => (
        <button key={key} type="button" aria-pressed={sort.key === key} onClick={() => onSort(next(key))}>
          {label}
          {sort.key === key && <span aria-hidden="true">{sort.descending ? " ↓" : " ↑"}</span>}
        </button>
      ))}
    </div>
  );
}

function Row({ entry, subject, now }: { entry: Entry; subject: Subject; now: number }) {
  const { t, f } = useText();
  const property = subject.of(entry);
  const reading = property === undefined ? undefined : newestOf(entry, property);
  const fresh = freshness(reading, now);
  const stream = entry.device.datastreams.find((each) => each.name === reading?.datastream);
  const absent = useAbsence();
  return (
    <span class="row">
      <Mark reading={reading} scale={subject.scale(property ?? subject.property)} now={now} />
      <span class="row-main">
        <span class="row-title" title={entry.title}>{entry.title}</span>
        <span class="row-place">
          <span class="row-place-name">{subject.all && property !== undefined && `${propertyName(t, property)} · `}{entry.place || t.unplaced}</span>
          {entry.device.simulated && <span class="tag">{t.simulated}</span>}
          {entry.device.retired && <span class="tag">{t.retired}</span>}
        </span>
      </span>
      <span class="row-end">
        <span class={`row-value value-${fresh}`} data-device={entry.device.name}>
          {property === undefined ? <NotObserved /> : fresh === "none" || !stream || typeof reading?.value !== "number" ? absent : f.value(reading.value, stream)}
        </span>
        <span class="row-time">
          {fresh === "stale" && <span class="tag tag-stale">{t.stale}</span>}
          {reading ? f.ago(millis(reading.time), now, t) : f.ago(entry.seenMs, now, t)}
        </span>
      </span>
    </span>
  );
}

/** In words where there is room for them. */
function NotObserved() {
  const { t } = useText();
  return (
    <>
      <span class="row-long">{t.notObserved}</span>
      <span class="row-short" aria-hidden="true">{t.noValue}</span>
    </>
  );
}
