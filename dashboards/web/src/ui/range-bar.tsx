import { useLayoutEffect, useState } from "preact/hooks";
import { limits, moved, PRESETS, type Preset, type Range } from "../domain/range";
import { fromLocalInput, toLocalInput } from "../domain/time";
import { useText } from "../i18n/language";
import { useCity } from "../state/city";
import { useSignal } from "../state/signal";
import { Icon } from "./icons";

/** Which time the charts show: presets that follow the present, or any past range. */
export function RangeBar({ range, onRange }: { range: Range; onRange: (range: Range) => void }) {
  const { t } = useText();
  const preset = "preset" in range ? range.preset : null;
  const connection = useSignal(useCity().live.state);
  const following = connection === "live" ? t.device.following : t.live[connection];
  return (
    <section class="range-bar" aria-label={t.device.range}>
      <div class="segments" role="group" aria-label={t.device.range}>
        {(Object.keys(PRESETS) as Preset[]).map((name) => (
          <button key={name} type="button" aria-pressed={preset === name} onClick={() => onRange({ preset: name })}>
            {t.device.presets[name]}
          </button>
        ))}
      </div>
      <div class="range-steps">
        <button type="button" class="square" aria-label={t.device.earlier} onClick={() => onRange(moved(range, -1, Date.now()))}>
          <Icon name="back" size={18} />
        </button>
        <span class={`range-state ${preset && connection === "live" ? "is-live" : ""}`}>{preset ? following : t.device.past}</span>
        <button type="button" class="square" aria-label={t.device.later} disabled={preset !== null} onClick={() => onRange(moved(range, 1, Date.now()))}>
          <Icon name="forward" size={18} />
        </button>
      </div>
      <FromTo range={range} onRange={onRange} />
    </section>
  );
}

function FromTo({ range, onRange }: { range: Range; onRange: (range: Range) => void }) {
  const { t } = useText();
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const [bad, setBad] = useState(false);
  // Before the change is painted: later it would undo what somebody has begun to type.
  useLayoutEffect(() => {
    const now = limits(range, Date.now());
    setFrom(toLocalInput(now.fromMs));
    setTo(toLocalInput(now.toMs));
    setBad(false);
  }, [JSON.stringify(range)]);
  const submit = (event: Event) => {
    event.preventDefault();
    const [fromMs, toMs] = [fromLocalInput(from), fromLocalInput(to)];
    if (!(toMs - fromMs >= 60_000)) return setBad(true);
    setBad(false);
    onRange({ fromMs, toMs });
  };
  return (
    <form class="from-to" onSubmit={submit} noValidate>
      <label>
        <span>{t.device.from}</span>
        <input type="datetime-local" value={from} onInput={(event) => setFrom(event.currentTarget.value)} aria-invalid={bad} />
      </label>
      <label>
        <span>{t.device.to}</span>
        <input type="datetime-local" value={to} onInput={(event) => setTo(event.currentTarget.value)} aria-invalid={bad} />
      </label>
      <button type="submit">{t.device.show}</button>
      <span class="zone">{t.zone}</span>
      {bad && <span class="field-error" role="alert">{t.device.badRange}</span>}
    </form>
  );
}
