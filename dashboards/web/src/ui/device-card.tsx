import { useEffect, useRef } from "preact/hooks";
import { api } from "../api/client";
import { freshness } from "../domain/freshness";
import { millis } from "../domain/time";
import { propertyName, useText } from "../i18n/language";
import { useCity } from "../state/city";
import type { Entry } from "../state/fleet";
import { useNow, usePolled } from "../state/hooks";
import { href } from "../state/route";
import { useSignal } from "../state/signal";
import { Icon } from "./icons";
import { SimulatedBadge, useAbsence } from "./parts";

/** The feed carries one property here; the other values of the device are read this often. */
const READ_MS = 5000;

/** The device selected on the map, in short. */
export function DeviceCard({ entry, onClose }: { entry: Entry; onClose: () => void }) {
  const { t, f } = useText();
  const city = useCity();
  const now = useNow(1000);
  const absent = useAbsence();
  const { name, datastreams, simulated, retired } = entry.device;
  useSignal(city.fleet.readings);
  usePolled(async (signal) => city.fleet.take(await api.latest({ device: name }, signal)), READ_MS, name);
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => title.current?.focus({ preventScroll: true }), [name]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") onClose();
  };
  return (
    <section class="card device-card" aria-labelledby="card-title" onKeyDown={onKeyDown}>
      <header>
        <div>
          <h2 id="card-title" ref={title} tabIndex={-1}>{entry.title}</h2>
          <p class="card-place">
            {entry.place || t.unplaced} {simulated && <SimulatedBadge />} {retired && <span class="badge">{t.retired}</span>}
          </p>
        </div>
        <button type="button" class="quiet" aria-label={t.close} onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      <dl class="card-values">
        {datastreams.map((stream) => {
          const reading = entry.newest.get(stream.name);
          const fresh = freshness(reading, now);
          return (
            <div key={stream.name}>
              <dt>{propertyName(t, stream.property)}</dt>
              <dd>
                <span class={`value-${fresh}`}>
                  {fresh === "none" || typeof reading?.value !== "number" ? absent : f.value(reading.value, stream)}
                </span>
                {reading && <span class="row-time">{fresh === "stale" && <span class="tag tag-stale">{t.stale}</span>} {f.ago(millis(reading.time), now, t)}</span>}
              </dd>
            </div>
          );
        })}
      </dl>
      <a class="button primary" href={href("device", {}, name)}>
        {t.map.open}
      </a>
    </section>
  );
}
