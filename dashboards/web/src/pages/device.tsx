import { useEffect, useRef } from "preact/hooks";
import { ApiError, api } from "../api/client";
import { chosen, rangeOf, rangeQuery, type Range } from "../domain/range";
import { millis } from "../domain/time";
import { useText } from "../i18n/language";
import { useCity } from "../state/city";
import type { Entry } from "../state/fleet";
import { useNow, usePolled } from "../state/hooks";
import { go, href } from "../state/route";
import { useSignal } from "../state/signal";
import { placeTitle } from "../map/wards";
import { Icon } from "../ui/icons";
import { Empty, Failure, Heading, Loading, SimulatedBadge } from "../ui/parts";
import { RangeBar } from "../ui/range-bar";
import { StreamPanel } from "../ui/stream-panel";

const DEVICE_READ_MS = 60_000;

export function DevicePage({ name, query }: { name: string; query: URLSearchParams }) {
  const { t } = useText();
  const city = useCity();
  const { value: device, error, reload } = usePolled((signal) => api.device(name, signal), DEVICE_READ_MS, name);
  const listed = useSignal(city.fleet.devices);
  useSignal(city.fleet.readings);
  // What the list was read anew for, a first reading or a new datastream, may be of this device.
  const shown = useRef(listed);
  useEffect(() => {
    if (shown.current === listed) return;
    shown.current = listed;
    reload();
  }, [listed]);
  const range = rangeOf(query);
  const setRange = (next: Range) => go(href("device", rangeQuery(next), name));
  if (!device && error) {
    const missing = error instanceof ApiError && error.status === 404;
    return (
      <div class="column">
        <BackLink />
        <Heading>{name}</Heading>
        {missing ? <Empty>{t.device.missing}</Empty> : <Failure error={error} retry={reload} />}
      </div>
    );
  }
  if (!device) return <div class="column"><Loading /></div>;
  const known = city.fleet.entries.get(name);
  const entry: Entry = known
    ? { ...known, device }
    : { device, title: device.title || name, place: device.place ? placeTitle(device.place) : "", folded: "", seenMs: millis(device.last_seen), newest: new Map(), asks: new Map(), main: undefined };
  return (
    <div class="column">
      <BackLink />
      <DeviceHead entry={entry} />
      <RangeBar range={range} onRange={setRange} />
      <h2 class="hidden">{t.device.datastreams}</h2>
      <div class="panels">
        {device.datastreams.map((stream) => (
          <StreamPanel key={stream.name} device={device} stream={stream} newest={entry.newest.get(stream.name)} range={range}
            onZoom={(from, to) => setRange(chosen(from, to))} />
        ))}
      </div>
      {!device.datastreams.length && <Empty>{t.noData}</Empty>}
    </div>
  );
}

function BackLink() {
  const { t } = useText();
  return (
    <a class="back" href={href("devices")}>
      <Icon name="back" size={16} /> {t.device.back}
    </a>
  );
}

function DeviceHead({ entry }: { entry: Entry }) {
  const { t, f } = useText();
  const now = useNow(1000);
  const { device, title, place, seenMs } = entry;
  return (
    <header class="device-head">
      <div class="device-title">
        <Heading>{title}</Heading>
        {device.simulated && <SimulatedBadge />}
        {device.retired && <span class="badge">{t.retired}</span>}
        {device.status && (
          <span class={`badge badge-${device.status === "online" ? "online" : "offline"}`}>
            <span class="dot" aria-hidden="true" />
            {device.status === "online" ? t.online : device.status === "offline" ? t.offline : device.status}
          </span>
        )}
      </div>
      <p class="device-facts">
        <code>{device.name}</code>
        <span>{place || t.unplaced}</span>
        {device.position && (
          <a href={href("map", { device: device.name })}>
            <Icon name="pin" size={16} /> {device.position.coordinates[1].toFixed(5)}, {device.position.coordinates[0].toFixed(5)}
          </a>
        )}
        <span>
          {t.device.lastSeen}: {f.ago(seenMs, now, t)}
          {!Number.isNaN(seenMs) && <> ({f.dateTime(seenMs)} {t.zoneShort})</>}
        </span>
      </p>
    </header>
  );
}
