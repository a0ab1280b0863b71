import { useState } from "preact/hooks";
import type { DeadLetter } from "../api/types";
import { bytesOf, hexDump, visible } from "../domain/payload";
import { millis } from "../domain/time";
import { useText } from "../i18n/language";
import { href } from "../state/route";
import { Icon } from "./icons";

const TEXT_CHARS_MAX = 4000;
const DEVICE_NAME = /^[a-z0-9][a-z0-9_.-]{0,62}$/;

interface Props {
  letter: DeadLetter;
  now: number;
  selected: boolean;
  onSelect(): void;
}

/** One message that could not be taken. What it brings is shown as text, whatever it is. */
export function Letter({ letter, now, selected, onSelect }: Props) {
  const { t, f } = useText();
  const received = millis(letter.received);
  const device = letter.device ? visible(letter.device) : t.dead.unknownDevice;
  const reason = t.dead.reasons[letter.reason] ?? visible(letter.reason);
  return (
    <li class="card letter" data-reason={letter.reason}>
      <div class="letter-head">
        <input type="checkbox" checked={selected} onChange={onSelect} aria-label={t.dead.select(`${reason}, ${device}, ${f.dateTime(received)}`)} />
        <span class="reason">{reason}</span>
        <span class="letter-device">
          {letter.device && DEVICE_NAME.test(letter.device) ? <a href={href("device", {}, letter.device)}>{device}</a> : <span>{device}</span>}
        </span>
        <time dateTime={letter.received} title={f.ago(received, now, t)}>
          {f.dateTime(received)} {t.zoneShort}
        </time>
      </div>
      <p class="letter-detail" lang="en">{visible(letter.detail)}</p>
      {letter.replayed && (
        <p class="letter-replayed">
          <Icon name="check" size={16} /> {t.dead.replayed(f.dateTime(millis(letter.replayed)))}
        </p>
      )}
      <details>
        <summary>
          {t.dead.payload} · {t.dead.readings(f.number(letter.readings))}
        </summary>
        <p class="letter-topic">
          {t.dead.topic}: <code>{visible(letter.topic)}</code>
        </p>
        <Payload letter={letter} />
      </details>
    </li>
  );
}

function Payload({ letter }: { letter: DeadLetter }) {
  const { t, f } = useText();
  const bytes = bytesOf(letter.payload_base64);
  const text = letter.payload;
  const [hex, setHex] = useState(text === null);
  return (
    <div class="payload">
      <div class="segments" role="group" aria-label={t.dead.payload}>
        <button type="button" aria-pressed={!hex} disabled={text === null} onClick={() => setHex(false)}>{t.dead.text}</button>
        <button type="button" aria-pressed={hex} onClick={() => setHex(true)}>{t.dead.hex}</button>
      </div>
      <span class="note">{t.dead.bytes(f.number(bytes.length))}</span>
      <pre tabIndex={0} aria-label={t.dead.payload}>{hex || text === null ? hexDump(bytes) : visible(text.slice(0, TEXT_CHARS_MAX))}{text !== null && !hex && text.length > TEXT_CHARS_MAX && "…"}</pre>
    </div>
  );
}
