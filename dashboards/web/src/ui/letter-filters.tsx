import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { DeadLetter } from "../api/types";
import { filterQuery, type LetterFilter } from "../domain/letters";
import { fromLocalInput, toLocalInput } from "../domain/time";
import { useText } from "../i18n/language";
import { go, href } from "../state/route";

/** Which dead letters are shown: reasons and order at once, the rest when it is sent. */
export function LetterFilters({ filter, letters }: { filter: LetterFilter; letters: readonly DeadLetter[] }) {
  const { t } = useText();
  const [device, setDevice] = useState("");
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  // Before the change is painted: later it would undo what somebody has begun to type.
  useLayoutEffect(() => {
    setDevice(filter.device);
    setFrom(filter.fromMs === null ? "" : toLocalInput(filter.fromMs));
    setTo(filter.toMs === null ? "" : toLocalInput(filter.toMs));
  }, [filter.device, filter.fromMs, filter.toMs]);
  const known = useRef(new Set(Object.keys(t.dead.reasons)));
  for (const { reason } of letters) known.current.add(reason);
  if (filter.reason) known.current.add(filter.reason);
  const name = (reason: string) => t.dead.reasons[reason] ?? reason;
  const reasons = [...known.current].sort((a, b) => name(a).localeCompare(name(b)));
  const [fromMs, toMs] = [fromLocalInput(from), fromLocalInput(to)];
  const bad = toMs <= fromMs;
  const apply = (next: Partial<LetterFilter>) => go(href("dead-letters", filterQuery({ ...filter, ...next })));
  const submit = (event: Event) => {
    event.preventDefault();
    if (!bad) apply({ device: device.trim(), fromMs: Number.isNaN(fromMs) ? null : fromMs, toMs: Number.isNaN(toMs) ? null : toMs });
  };
  return (
    <form class="filters" onSubmit={submit} noValidate>
      <label>
        <span>{t.dead.reason}</span>
        <select value={filter.reason} onChange={(event) => apply({ reason: event.currentTarget.value })}>
          <option value="">{t.dead.anyReason}</option>
          {reasons.map((reason) => (
            <option key={reason} value={reason}>{name(reason)}</option>
          ))}
        </select>
      </label>
      <label>
        <span>{t.dead.order}</span>
        <select value={filter.order} onChange={(event) => apply({ order: event.currentTarget.value === "asc" ? "asc" : "desc" })}>
          <option value="desc">{t.dead.newestFirst}</option>
          <option value="asc">{t.dead.oldestFirst}</option>
        </select>
      </label>
      <label>
        <span>{t.dead.device}</span>
        <input type="text" value={device} placeholder={t.dead.deviceFilter} spellcheck={false} autocomplete="off"
          onInput={(event) => setDevice(event.currentTarget.value)} />
      </label>
      <label>
        <span>{t.dead.from}</span>
        <input type="datetime-local" value={from} onInput={(event) => setFrom(event.currentTarget.value)} aria-invalid={bad} />
      </label>
      <label>
        <span>{t.dead.to}</span>
        <input type="datetime-local" value={to} onInput={(event) => setTo(event.currentTarget.value)} aria-invalid={bad} />
      </label>
      <button type="submit">{t.dead.filter}</button>
      <span class="zone">{t.zone}</span>
      {bad && <span class="field-error" role="alert">{t.device.badRange}</span>}
    </form>
  );
}
