import type { Datastream } from "../api/types";
import { bandOf, decimalsOf, isState, scaleOf } from "../domain/properties";
import { ZONE } from "../domain/time";
import { prettyUnit } from "../domain/units";
import type { Language, Strings } from "./strings";

/** What stands between a number and its unit: a space that doesn't break. */
const SPACE = "\u00a0";
const LOCALES: Record<Language, string> = { vi: "vi-VN", en: "en-GB" };

/** Numbers, units and times as a language writes them. */
export class Format {
  readonly locale: string;
  #numbers = new Map<number, Intl.NumberFormat>();
  #clock: Intl.DateTimeFormat;
  #dateTime: Intl.DateTimeFormat;
  #day: Intl.DateTimeFormat;
  #dayClock: Intl.DateTimeFormat;
  #minute: Intl.DateTimeFormat;
  #month: Intl.DateTimeFormat;
  #relative: Intl.RelativeTimeFormat;

  constructor(
    readonly language: Language,
    readonly strings: Strings,
  ) {
    const locale = LOCALES[language];
    const time = { timeZone: ZONE, hourCycle: "h23" } as const;
    this.locale = locale;
    this.#clock = new Intl.DateTimeFormat(locale, { ...time, timeStyle: "medium" });
    this.#minute = new Intl.DateTimeFormat(locale, { ...time, hour: "2-digit", minute: "2-digit" });
    this.#day = new Intl.DateTimeFormat(locale, { ...time, day: "2-digit", month: "2-digit" });
    this.#month = new Intl.DateTimeFormat(locale, { ...time, month: "2-digit", year: "numeric" });
    this.#dayClock = new Intl.DateTimeFormat(locale, { ...time, day: "2-digit", month: "2-digit", hour: "2-digit", minute: "2-digit" });
    this.#dateTime = new Intl.DateTimeFormat(locale, {
      ...time, day: "2-digit", month: "2-digit", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit",
    });
    this.#relative = new Intl.RelativeTimeFormat(locale, { numeric: "always", style: "short" });
  }

  /** A number with a fixed count of decimals. */
  number(value: number, decimals = 0): string {
    let format = this.#numbers.get(decimals);
    if (!format) {
      format = new Intl.NumberFormat(this.locale, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
      this.#numbers.set(decimals, format);
    }
    // Rounding must not leave a minus before zero.
    const text = format.format(value);
    return /[1-9]/.test(text) ? text : text.replace(/^-/, "");
  }

  /** A number's text with its unit; a count says what of, where the property is known. */
  withUnit(text: string, unit: string, property = ""): string {
    const pretty = prettyUnit(unit) || (this.strings.counted[property] ?? "");
    return pretty === "" ? text : pretty === "°" ? text + pretty : `${text}${SPACE}${pretty}`;
  }

  /** A value of a datastream with its unit, or the name of its code or state. */
  value(value: number, stream: Pick<Datastream, "property" | "unit"> & Partial<Datastream>): string {
    const category = stream.categories?.[String(value)];
    if (category !== undefined) return category;
    if (isState(stream.property)) return this.state(value, stream.property);
    return this.measured(value, stream);
  }

  /** A figure of a datastream with its unit, whatever its codes are called. */
  measured(value: number, { property, unit }: Pick<Datastream, "property" | "unit">): string {
    return this.withUnit(this.number(value, decimalsOf(property, unit)), unit, property);
  }

  state(value: number, property: string): string {
    const label = bandOf(scaleOf(property, () => []), { value, unit: "1" })?.label;
    return label ? this.strings.bands[label] : this.number(value);
  }

  bytes(count: number): string {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let power = 0;
    while (count >= 1024 && power < units.length - 1) {
      count /= 1024;
      power++;
    }
    return `${this.number(count, power && count < 100 ? 1 : 0)}${SPACE}${units[power]}`;
  }

  duration(seconds: number): string {
    const [value, unit] =
      seconds < 1 ? [seconds * 1000, "ms"] : seconds < 120 ? [seconds, "s"] : seconds < 7200 ? [seconds / 60, "min"]
      : seconds < 172_800 ? [seconds / 3600, "h"] : [seconds / 86_400, "d"];
    const names = this.language === "vi" ? { ms: "ms", s: "giây", min: "phút", h: "giờ", d: "ngày" } : { ms: "ms", s: "s", min: "min", h: "h", d: "d" };
    const digits = Number.isInteger(value) || value >= 10 ? 0 : 1;
    return `${this.number(value, digits)}${SPACE}${names[unit as keyof typeof names]}`;
  }

  /** The clock in the city's zone. */
  clock(ms: number): string {
    return this.#clock.format(ms);
  }

  dateTime(ms: number): string {
    return this.#dateTime.format(ms);
  }

  /** A label of the time axis: as fine as the distance between labels asks. */
  tick(ms: number, stepMs: number): string {
    if (stepMs >= 27 * 86_400_000) return this.month(ms);
    if (stepMs >= 86_400_000) return this.#day.format(ms);
    const midnight = (ms + 7 * 3600_000) % 86_400_000 === 0;
    if (stepMs < 60_000) return this.#clock.format(ms);
    return midnight ? this.#day.format(ms) : this.#minute.format(ms);
  }

  /** Two digits of the month and the year, in every language: `01/2026`. */
  month(ms: number): string {
    const parts = this.#month.formatToParts(ms);
    const of = (type: string) => parts.find((part) => part.type === type)?.value ?? "";
    return `${of("month").padStart(2, "0")}/${of("year")}`;
  }

  dayClock(ms: number): string {
    return this.#dayClock.format(ms);
  }

  /** How long ago: "3 phút trước". */
  ago(ms: number, now: number, strings: Strings): string {
    if (Number.isNaN(ms)) return strings.never;
    const seconds = Math.round((ms - now) / 1000);
    const age = Math.abs(seconds);
    if (seconds > -5) return strings.justNow;
    if (age < 60) return this.#relative.format(seconds, "second");
    if (age < 3600) return this.#relative.format(Math.round(seconds / 60), "minute");
    if (age < 172_800) return this.#relative.format(Math.round(seconds / 3600), "hour");
    return this.#relative.format(Math.round(seconds / 86_400), "day");
  }
}
