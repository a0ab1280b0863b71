import { useEffect, useRef, useState } from "preact/hooks";
import { api, type Query } from "../api/client";
import type { DeadLetter } from "../api/types";
import { filterOf, passed, spanOf, stillRejected, type LetterFilter } from "../domain/letters";
import { visible } from "../domain/payload";
import { useText, type Text } from "../i18n/language";
import { useNow } from "../state/hooks";
import { ConfirmDialog } from "../ui/confirm";
import { Letter } from "../ui/letter";
import { LetterFilters } from "../ui/letter-filters";
import { Empty, Failure, Heading, Loading } from "../ui/parts";

const PAGE_LETTERS = 50;
/** The page shows no more than this; filters narrow it. */
const LETTERS_MAX = 1000;
/** After a replay, processing is asked this often and so many times whether it has passed it. */
const OUTCOME_LOOK_MS = 500;
const OUTCOME_LOOKS_MAX = 60;

type Id = DeadLetter["id"];

export function DeadLettersPage({ query }: { query: URLSearchParams }) {
  const text = useText();
  const { t, f } = text;
  const now = useNow(30_000);
  const filter = filterOf(query);
  const key = JSON.stringify(filter);
  const list = useLetters(filter);
  const [selected, setSelected] = useState<ReadonlySet<Id>>(new Set());
  const [asking, setAsking] = useState(false);
  const [result, setResult] = useState("");
  const [error, setError] = useState<unknown>(null);
  useEffect(() => setSelected(new Set()), [key]);

  const toggle = (id: Id) => {
    const next = new Set(selected);
    if (!next.delete(id)) next.add(id);
    setSelected(next);
  };
  const replay = async () => {
    setAsking(false);
    setError(null);
    try {
      const sent = list.items.filter(({ id }) => selected.has(id));
      const outcome = await api.replay([...selected]);
      const done = t.dead.done(f.number(outcome.replayed));
      setResult(`${done} ${t.dead.processing}`);
      setSelected(new Set());
      const left = await outcomeOf(sent, outcome.until_offset);
      setResult(`${done} ${left ? outcomeText(outcome.replayed, left, text) : t.dead.notYet}`);
      list.reload();
    } catch (reason) {
      setError(reason);
    }
  };
  const count = f.number(selected.size);
  const filtered = filter.reason !== "" || filter.device !== "" || filter.fromMs !== null || filter.toMs !== null;
  return (
    <div class="column">
      <div class="page-head">
        <Heading>{t.dead.title}</Heading>
      </div>
      <p class="note">{t.dead.explain}</p>
      <LetterFilters filter={filter} letters={list.items} />
      <p class="result" role="status">{result}</p>
      {error !== null && <Failure error={error} />}
      {list.error !== null && <Failure error={list.error} retry={list.reload} />}
      {list.loading && !list.items.length && <Loading />}
      {list.done && !list.items.length && <Empty>{filtered ? t.dead.noneMatching : t.dead.none}</Empty>}
      {list.items.length > 0 && (
        <div class="bulk">
          <label class="check">
            <input type="checkbox" checked={selected.size === list.items.length}
              onChange={(event) => setSelected(new Set(event.currentTarget.checked ? list.items.map(({ id }) => id) : []))} />
            {t.dead.selectAll}
          </label>
          <span class="note">{t.dead.selected(count)}</span>
          <button type="button" class="primary" disabled={!selected.size} onClick={() => setAsking(true)}>
            {t.dead.replay}
          </button>
        </div>
      )}
      <ul class="letters">
        {list.items.map((letter) => (
          <Letter key={letter.id} letter={letter} now={now} selected={selected.has(letter.id)} onSelect={() => toggle(letter.id)} />
        ))}
      </ul>
      {list.more && (
        <button type="button" class="more" onClick={list.more}>
          {t.dead.more}
        </button>
      )}
      {asking && (
        <ConfirmDialog title={t.dead.confirm(count)} note={t.dead.confirmNote} yes={t.dead.yes} no={t.dead.no}
          onYes={() => void replay()} onNo={() => setAsking(false)} />
      )}
    </div>
  );
}

/** What is still rejected once processing has passed the replay; null where it hasn't within a bounded time. */
async function outcomeOf(sent: DeadLetter[], untilOffset: number): Promise<DeadLetter[] | null> {
  for (let look = 0; look < OUTCOME_LOOKS_MAX; look++) {
    if (passed(await api.health(), untilOffset)) return stillRejected(sent, await api.allDeadLetters(spanOf(sent)));
    await new Promise((done) => setTimeout(done, OUTCOME_LOOK_MS));
  }
  return null;
}

/** How many are stored now, and how many are still rejected for which reasons. */
function outcomeText(replayed: number, left: DeadLetter[], { t, f }: Text): string {
  const reasons = [...new Set(left.map(({ reason }) => t.dead.reasons[reason] ?? visible(reason)))].join(", ");
  const stored = Math.max(0, replayed - left.length);
  return [stored > 0 && t.dead.stored(f.number(stored)), left.length > 0 && t.dead.rejectedAgain(f.number(left.length), reasons)]
    .filter(Boolean)
    .join(" ");
}

interface Letters {
  items: DeadLetter[];
  loading: boolean;
  done: boolean;
  error: unknown;
  reload(): void;
  more: (() => void) | null;
}

/** The pages of dead letters read so far. */
function useLetters(filter: LetterFilter): Letters {
  const [state, set] = useState<{ items: DeadLetter[]; next?: string | undefined; error: unknown; loading: boolean; done: boolean }>({
    items: [], error: null, loading: true, done: false,
  });
  const [round, setRound] = useState(0);
  const abort = useRef<AbortController | null>(null);
  const load = async (cursor?: string, keep: DeadLetter[] = []) => {
    abort.current?.abort();
    const mine = new AbortController();
    abort.current = mine;
    set((old) => ({ ...old, loading: true, error: null }));
    const { reason, device, order, fromMs, toMs } = filter;
    const query: Query = { reason, device, order, from: fromMs, to: toMs, limit: PAGE_LETTERS, cursor };
    try {
      const page = await api.deadLetters(query, mine.signal);
      set({ items: [...keep, ...page.items], next: page.next, error: null, loading: false, done: true });
    } catch (error) {
      if (!mine.signal.aborted) set((old) => ({ ...old, error, loading: false }));
    }
  };
  useEffect(() => {
    void load();
    return () => abort.current?.abort();
  }, [JSON.stringify(filter), round]);
  const { items, next, loading, done, error } = state;
  const more = next && !loading && items.length < LETTERS_MAX ? () => void load(next, items) : null;
  return { items, loading, done, error, reload: () => setRound((n) => n + 1), more };
}
