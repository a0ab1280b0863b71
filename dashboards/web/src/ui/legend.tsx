import { useState } from "preact/hooks";
import { coloursOf, MAP_COLOURS, palette } from "../domain/colours";
import { decimalsOf, RANKS, type Band, type PropertyScale } from "../domain/properties";
import { propertyName, useText } from "../i18n/language";
import { useTheme } from "../state/hooks";
import type { Subject } from "../state/subject";
import { Shape } from "./mark";

/** What the marks mean: bands, values that no band fits, stale, no data. */
export function Legend({ subject, collapsed }: { subject: Subject; collapsed: boolean }) {
  const { t } = useText();
  const theme = useTheme();
  const [open, setOpen] = useState(!collapsed);
  const { property, all } = subject;
  const scale = subject.scale(property);
  return (
    <details class="legend" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {t.map.legend}: {all ? t.allDevices : propertyName(t, property)}
      </summary>
      {all ? <Kinds /> : <Bands property={property} scale={scale} />}
      <ul class="legend-apart">
        <li>
          <Shape kind="stale" colour={palette(theme)[2] ?? ""} />
          <span>{t.staleLong}</span>
        </li>
        {subject.unscaled && (
          <li>
            <Shape kind="fresh" colour={MAP_COLOURS[theme].noScale} />
            <span>{t.noScale}</span>
          </li>
        )}
        <li>
          <Shape kind="none" colour="" />
          <span>{t.noData}</span>
        </li>
      </ul>
      {(all || scale.kind !== "state") && (
        <p class="note">{all ? t.map.legendAll : scale.kind === "alert" ? t.map.legendNote : t.map.legendRamp}</p>
      )}
    </details>
  );
}

/** The bands of one property with their limits, in the bands' own unit. */
function Bands({ property, scale }: { property: string; scale: PropertyScale }) {
  const { t, f } = useText();
  const colours = coloursOf(scale, useTheme());
  const unit = scale.unit ?? "1";
  const limit = (value: number) => f.withUnit(f.number(value, digits(scale, property, unit)), unit, property);
  const text = (band: Band, index: number) => {
    const before = scale.bands[index - 1];
    if (Number.isFinite(band.to)) return t.map.upTo(limit(band.to));
    return before ? t.map.above(limit(before.to)) : t.all;
  };
  return (
    <ul>
      {scale.bands.map((band, index) => (
        <li key={band.rank}>
          <Shape kind="fresh" colour={colours[band.rank] ?? ""} />
          {band.label && <span class="legend-label">{t.bands[band.label]}</span>}
          {scale.kind !== "state" && <span class={`legend-limit ${band.label ? "" : "legend-alone"}`}>{text(band, index)}</span>}
        </li>
      ))}
    </ul>
  );
}

/** The two kinds of bands where many properties meet, each from its first colour to its last. */
function Kinds() {
  const { t } = useText();
  const colours = palette(useTheme());
  const kinds: [title: string, colours: string[], first: string, last: string][] = [
    [t.map.judged, colours.slice(0, RANKS), t.bands.good, t.bands.hazardous],
    [t.map.ordered, colours.slice(RANKS, 2 * RANKS), t.map.low, t.map.high],
  ];
  return (
    <dl class="legend-kinds">
      {kinds.map(([title, shades, first, last]) => (
        <div key={title}>
          <dt>{title}</dt>
          <dd>
            <span>{first}</span>
            <span class="legend-shades">{shades.map((shade) => <Shape key={shade} kind="fresh" colour={shade} />)}</span>
            <span>{last}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** As few decimals as the limits need. */
function digits(scale: PropertyScale, property: string, unit: string): number {
  const finite = scale.bands.map((band) => band.to).filter(Number.isFinite);
  for (let count = 0; count < decimalsOf(property, unit); count++) {
    if (finite.every((value) => Number(value.toFixed(count)) === value)) return count;
  }
  return decimalsOf(property, unit);
}
