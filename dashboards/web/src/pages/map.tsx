import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { propertyName, useText } from "../i18n/language";
import type { CityMap } from "../map/city-map";
import { useCity } from "../state/city";
import { newestOf } from "../state/fleet";
import { useMedia, useTheme } from "../state/hooks";
import { go, href, route } from "../state/route";
import { useSignal } from "../state/signal";
import type { Subject } from "../state/subject";
import { DeviceCard } from "../ui/device-card";
import { DeviceList } from "../ui/device-list";
import { Icon } from "../ui/icons";
import { Legend } from "../ui/legend";
import { Heading } from "../ui/parts";
import { PropertyPicker, useSubject } from "../ui/property-picker";

interface Hover {
  device: string;
  x: number;
  y: number;
}

export function MapPage() {
  const { t } = useText();
  const city = useCity();
  const at = useSignal(route);
  const subject = useSubject();
  const wide = useMedia("(min-width: 900px)");
  const selected = at.query.get("device");
  const select = (device: string | null) => go(href("map", { ...Object.fromEntries(at.query), device: device ?? undefined }), true);
  const toDevice = (name: string) => href("map", { ...Object.fromEntries(at.query), device: name });
  useSignal(city.fleet.devices);
  const entry = selected ? city.fleet.entries.get(selected) : undefined;
  return (
    <div class="map-page">
      <div class="map-area">
        <MapView selected={selected} onSelect={select} />
        <div class="map-head">
          <Heading>{t.map.title}</Heading>
          <PropertyPicker />
        </div>
        <Legend subject={subject} collapsed={!wide} />
        {entry && !wide && <DeviceCard entry={entry} onClose={() => select(null)} />}
      </div>
      {wide && (
        <aside class="side" aria-label={t.list.title}>
          {entry && <DeviceCard entry={entry} onClose={() => select(null)} />}
          <DeviceList subject={subject} href={(each) => toDevice(each.device.name)} observing
            {...(selected ? { current: selected } : {})} />
        </aside>
      )}
    </div>
  );
}

function MapView({ selected, onSelect }: { selected: string | null; onSelect: (device: string | null) => void }) {
  const { t, f } = useText();
  const city = useCity();
  const subject = useSubject();
  const theme = useTheme();
  const box = useRef<HTMLDivElement>(null);
  const [map, setMap] = useState<CityMap | null>(null);
  const [failed, setFailed] = useState(false);
  const [hover, setHover] = useState<Hover | null>(null);
  const callbacks = useRef({ onSelect });
  callbacks.current = { onSelect };
  const devices = useSignal(city.fleet.devices);
  const readings = useSignal(city.fleet.readings);

  useEffect(() => {
    let made: CityMap | null = null;
    let gone = false;
    void create(box.current as HTMLElement, theme, {
      select: (device) => callbacks.current.onSelect(device),
      hover: (device, x, y) => setHover(device ? { device, x, y } : null),
      moved: () => setHover(null),
    }).then(
      (created) => {
        if (gone) return created.remove();
        made = created;
        setMap(created);
      },
      () => setFailed(true),
    );
    return () => {
      gone = true;
      made?.remove();
    };
  }, []);
  useEffect(() => map?.setLook(theme), [map, theme]);
  useEffect(() => {
    if (subject.property) map?.setDevices(city.fleet.entries.values(), subject);
  }, [map, devices, subject.property]);
  useEffect(() => {
    const show = () => map?.setValues(city.fleet.entries, subject, Date.now());
    show();
    const timer = setInterval(show, 10_000);
    return () => clearInterval(timer);
  }, [map, devices, readings, subject]);
  useEffect(() => map?.select(selected ? (city.fleet.entries.get(selected) ?? null) : null), [map, devices, selected]);
  useEffect(() => map?.map.getCanvas().setAttribute("aria-label", t.map.label), [map, t]);

  const observing = useMemo(
    () => [...city.fleet.entries.values()].filter((entry) => subject.of(entry) !== undefined),
    [devices, subject],
  );
  const shown = observing.filter(({ device }) => device.position);
  const unplaced = observing.length - shown.length;
  const simulated = shown.filter(({ device }) => device.simulated).length;
  return (
    <>
      <div class="map-canvas" ref={box} data-ready={map ? "true" : "false"} />
      {failed && <p class="map-failed" role="alert">{t.map.failed}</p>}
      {hover && <HoverLabel hover={hover} subject={subject} />}
      <div class="map-notes">
        {simulated > 0 && (
          <p class="map-note map-simulated" title={t.simulatedLong}>
            {simulated === shown.length ? t.simulated : t.map.simulated(f.number(simulated), f.number(shown.length))}
          </p>
        )}
        {unplaced > 0 && <p class="map-note">{t.map.noPosition(f.number(unplaced))}</p>}
      </div>
      <div class="map-buttons">
        <button type="button" onClick={() => map?.zoom(1)} aria-label={t.map.zoomIn}><Icon name="plus" /></button>
        <button type="button" onClick={() => map?.zoom(-1)} aria-label={t.map.zoomOut}><Icon name="minus" /></button>
        <button type="button" onClick={() => map?.fit()} aria-label={t.map.fit}><Icon name="fit" /></button>
      </div>
    </>
  );
}

/** The map's code is loaded when a map is first wanted. */
async function create(...args: ConstructorParameters<typeof CityMap>): Promise<CityMap> {
  const [module] = await Promise.all([import("../map/city-map"), document.fonts.load('400 16px "Be Vietnam Pro"', "Bến Thành")]);
  return new module.CityMap(...args);
}

function HoverLabel({ hover, subject }: { hover: Hover; subject: Subject }) {
  const city = useCity();
  const { t, f } = useText();
  const entry = city.fleet.entries.get(hover.device);
  if (!entry) return null;
  const property = subject.of(entry);
  const reading = property === undefined ? undefined : newestOf(entry, property);
  const stream = entry.device.datastreams.find((each) => each.name === reading?.datastream);
  return (
    <div class="hover-label" aria-hidden="true" style={{ transform: `translate(${hover.x + 14}px, ${hover.y + 14}px)` }}>
      <strong>{entry.title}</strong>
      <span>{subject.all && property !== undefined && `${propertyName(t, property)}: `}{stream && typeof reading?.value === "number" ? f.value(reading.value, stream) : t.noData}</span>
    </div>
  );
}
