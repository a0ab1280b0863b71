import { useState } from "preact/hooks";
import { coloursOf, MAP_COLOURS } from "../domain/colours";
import { decimalsOf, type Band, type PropertyScale } from "../domain/properties";
import { propertyName, useText } from "../i18n/language";
import { useTheme } from "../state/hooks";
import { Shape } from "./mark";

/** What the marks mean: bands with their limits in the bands' own unit, values that no band fits, stale, no data. */
export function Legend({ property, scale, unscaled, collapsed }: { property: string; scale: PropertyScale; unscaled: boolean; collapsed: boolean }) {
  const { t, f } = useText();
  const theme = useTheme();
  const [open, setOpen] = useState(!collapsed);
  const colours = coloursOf(scale, theme);
  const unit = scale.unit ?? "1";
  const limit = (value: number) => f.withUnit(f.number(value, digits(scale, property, unit)), unit, property);
  const text = (band: Band, index: number) => {
    const before = scale.bands[index - 1];
    if (Number.isFinite(band.to)) return t.map.upTo(limit(band.to));
    return before ? t.map.above(limit(before.to)) : t.all;
  };
  return (
    <details class="legend" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {t.map.legend}: {propertyName(t, property)}
      </summary>
      <ul>
        {scale.bands.map((band, index) => (
          <li key={band.rank}>
            <Shape kind="fresh" colour={colours[band.rank] ?? ""} />
            {band.label && <span class="legend-label">{t.bands[band.label]}</span>}
            {scale.kind !== "state" && <span class={`legend-limit ${band.label ? "" : "legend-alone"}`}>{text(band, index)}</span>}
          </li>
        ))}
        <li class="legend-apart">
          <Shape kind="stale" colour={colours[2] ?? colours[0] ?? ""} />
          <span>{t.staleLong}</span>
        </li>
        {unscaled && (
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
      {scale.kind !== "state" && <p class="note">{scale.kind === "alert" ? t.map.legendNote : t.map.legendRamp}</p>}
    </details>
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
