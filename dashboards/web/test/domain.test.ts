import { describe, expect, it } from "vitest";
import type { DeadLetter, Health, Reading } from "../src/api/types";
import { freshness, STALE_MS } from "../src/domain/freshness";
import { passed, spanOf, stillRejected } from "../src/domain/letters";
import { bytesOf, hexDump, visible } from "../src/domain/payload";
import { parseMetrics, sum } from "../src/domain/prometheus";
import { bandOf, scaleOf } from "../src/domain/properties";
import { chosen, limits, moved, rangeOf, rangeQuery } from "../src/domain/range";
import { Rate } from "../src/domain/rate";
import { fold, matcher, slug } from "../src/domain/search";
import { fromLocalInput, toLocalInput } from "../src/domain/time";
import { convert, prettyUnit } from "../src/domain/units";
import { placeTitle, wards } from "../src/map/wards";

describe("search", () => {
  it("finds Vietnamese names without their diacritics, composed or not", () => {
    expect(matcher("ben thanh")(fold("Phường Bến Thành"))).toBe(true);
    expect(matcher("BẾN thanh")(fold("Phường Bến Thành".normalize("NFD")))).toBe(true);
    expect(matcher("den duong")(fold("Tủ đèn đường"))).toBe(true);
  });

  it("takes words in any order, and none as everything", () => {
    expect(matcher("thanh ben")(fold("Bến Thành"))).toBe(true);
    expect(matcher("  ")(fold("Bến Thành"))).toBe(true);
    expect(matcher("bến tre")(fold("Bến Thành"))).toBe(false);
  });

  it("names places as topics do, each differently", () => {
    expect(slug("Đặc khu Côn Đảo")).toBe("dac-khu-con-dao");
    expect(placeTitle("phuong-ben-thanh")).toBe("Phường Bến Thành");
    expect(placeTitle("elsewhere")).toBe("elsewhere");
    expect(new Set(wards.map((ward) => ward.name)).size).toBe(168);
  });
});

describe("units", () => {
  it.each([
    ["Cel", "°C"], ["ug/m3", "µg/m³"], ["1", ""], ["%", "%"], ["m/s", "m/s"], ["kg/m2", "kg/m²"], ["{count}/min", "count/min"], ["dB[SPL]", "dB"],
  ])("%s is written %s", (ucum, pretty) => expect(prettyUnit(ucum)).toBe(pretty));
});

describe("bands", () => {
  it("are those of VN_AQI for fine dust, limits included below", () => {
    const scale = scaleOf("pm2_5", () => []);
    expect([0, 25, 25.1, 50, 80, 150, 250, 251].map((value) => bandOf(scale, { value, unit: "ug/m3" })?.label)).toEqual([
      "good", "good", "moderate", "moderate", "poor", "bad", "veryBad", "hazardous",
    ]);
  });

  it("of an unknown property follow its values and cover every number", () => {
    const scale = scaleOf("salinity", () => Array.from({ length: 60 }, (_, i) => ({ value: i, unit: "g/kg" })));
    expect(scale.kind).toBe("ramp");
    expect(new Set(Array.from({ length: 60 }, (_, i) => bandOf(scale, { value: i, unit: "g/kg" })?.rank)).size).toBe(6);
    expect(bandOf(scaleOf("salinity", () => []), { value: 3, unit: "1" })?.rank).toBe(0);
  });
});

describe("bands and units", () => {
  it.each([
    [0.2, "mg/m3", "ug/m3", 200], [1.5, "ug/m3", "mg/m3", 0.0015], [10, "[ft_i]", "m", 3.048], [120, "cm", "m", 1.2], [86, "degF", "Cel", 30],
    [300, "K", "Cel", 26.85], [30, "Cel", "degF", 86], [101.3, "kPa", "hPa", 1013], [36, "km/h", "m/s", 10], [0.7, "1", "%", 70], [5, "{vehicle}", "1", 5],
  ])("%s %s is so many %s", (value, from, to, expected) => expect(convert(value, from, to)).toBeCloseTo(expected, 9));

  it("have no way between what isn't the same", () => {
    expect(convert(1, "Cel", "m")).toBeUndefined();
    expect(convert(1, "[ppb]", "ug/m3")).toBeUndefined();
    expect(convert(1, "{count}", "m")).toBeUndefined();
  });

  it("judge a value in the unit of the bands, and not at all in one that can't become it", () => {
    const dust = scaleOf("pm2_5", () => []);
    expect(bandOf(dust, { value: 0.2, unit: "mg/m3" })?.label).toBe("veryBad");
    expect(bandOf(dust, { value: 0.2, unit: "ug/m3" })?.label).toBe("good");
    expect(bandOf(dust, { value: 0.2, unit: "[ppb]" })).toBeUndefined();
    expect(bandOf(scaleOf("water_level", () => []), { value: 3, unit: "[ft_i]" })?.to).toBe(1);
    expect(bandOf(scaleOf("lamp_state", () => []), { value: 1, unit: "{state}" })?.label).toBe("on");
  });

  it("of an unknown property have the unit of its first value", () => {
    const scale = scaleOf("salinity", () => [{ value: 1, unit: "m" }, { value: 300, unit: "cm" }, { value: 9, unit: "Cel" }]);
    expect(scale.unit).toBe("m");
    expect(bandOf(scale, { value: 50, unit: "cm" })?.rank).toBe(0);
    expect(bandOf(scale, { value: 4, unit: "m" })?.rank).toBe(scale.bands.at(-1)?.rank);
  });
});

describe("freshness", () => {
  const reading = (over: Partial<Reading>): Reading => ({
    device: "d", datastream: "s", time: "2026-11-22T00:00:00.000000Z", received: "2026-11-22T00:00:01.000000Z", value: 0, unit: "1", quality: "good", ...over,
  });
  const at = Date.parse("2026-11-22T00:00:00Z");

  it("tells zero from nothing", () => {
    expect(freshness(reading({}), at)).toBe("fresh");
    expect(freshness(undefined, at)).toBe("none");
    expect(freshness(reading({ quality: "missing" }), at)).toBe("none");
    expect(freshness(reading({ value: null }), at)).toBe("none");
  });

  it("ages by measured time", () => {
    expect(freshness(reading({}), at + STALE_MS)).toBe("fresh");
    expect(freshness(reading({}), at + STALE_MS + 1)).toBe("stale");
  });
});

describe("ranges", () => {
  const NOW = 1_800_000_000_000;
  it("survive the address", () => {
    for (const range of [{ preset: "d7" } as const, { fromMs: NOW - 5e6, toMs: NOW }]) {
      expect(rangeOf(new URLSearchParams(rangeQuery(range)))).toEqual(range);
    }
  });

  it("that make no sense are the default", () => {
    expect(rangeOf(new URLSearchParams("from=9&to=3"))).toEqual({ preset: "h6" });
    expect(rangeOf(new URLSearchParams("range=toString"))).toEqual({ preset: "h6" });
  });

  it("step back and forward to where they were, and then follow the present", () => {
    const back = moved({ preset: "h1" }, -1, NOW);
    expect(limits(back, NOW)).toEqual({ fromMs: NOW - 7_200_000, toMs: NOW - 3_600_000 });
    expect(moved(back, 1, NOW)).toEqual({ preset: "h1" });
  });

  it("drawn by hand are never too short to draw", () => {
    const range = limits(chosen(1000, 1001), NOW);
    expect(range.toMs - range.fromMs).toBe(10_000);
  });

  it("are typed in the city's time", () => {
    const ms = Date.parse("2026-11-22T17:30:00Z");
    expect(toLocalInput(ms)).toBe("2026-11-23T00:30");
    expect(fromLocalInput("2026-11-23T00:30")).toBe(ms);
    expect(fromLocalInput("")).toBeNaN();
  });
});

describe("metrics", () => {
  it("are read with their labels, escapes included", () => {
    const samples = parseMetrics('# HELP a b\na_total{reason="x\\"y",other="2"} 3\na_total{reason="z"} 4\nb 1e3\n');
    expect(samples[0]).toEqual({ name: "a_total", labels: { reason: 'x"y', other: "2" }, value: 3 });
    expect(sum(samples, "a_total")).toBe(7);
    expect(sum(samples, "b")).toBe(1000);
    expect(sum(samples, "absent")).toBeUndefined();
  });

  it("make a rate only from two looks, and start again when a counter falls", () => {
    const rate = new Rate();
    expect(rate.at(1000, 10)).toBeNull();
    expect(rate.at(3000, 30)).toBe(10);
    expect(rate.at(4000, 0)).toBeNull();
  });
});

describe("payloads", () => {
  it("show what would act on a terminal or a page instead of acting", () => {
    expect(visible("\u001b[31mred\u202e\u007f")).toBe("␛[31mred⟨U+202E⟩␡");
    expect(visible("tiếng Việt\n")).toBe("tiếng Việt\n");
  });

  it("that are no text are shown as bytes", () => {
    const bytes = bytesOf("//4AG1s=");
    expect(hexDump(bytes)).toBe("0000  ff fe 00 1b 5b                                   ····[");
    expect(bytesOf("%%%")).toHaveLength(0);
  });
});

describe("replays", () => {
  const letter = (id: number, over: Partial<DeadLetter> = {}): DeadLetter => ({
    id, received: `2026-11-22T00:00:0${id}.000000Z`, topic: "devices/d/readings/json", reason: "undecodable", detail: "", readings: 1,
    payload: null, payload_base64: "", replayed: null, ...over,
  });
  const health = (end_offset: number, records: number) => ({ log: { end_offset }, lag: { records } }) as Health;

  it("have an outcome once processing has passed them", () => {
    expect(passed(health(100, 1), 100)).toBe(false);
    expect(passed(health(100, 0), 100)).toBe(true);
    expect(passed(health(120, 20), 100)).toBe(true);
  });

  it("leave what is still rejected, under its number or as a new letter of the message", () => {
    const again = letter(9, { received: letter(2).received, replayed: "2026-11-22T01:00:00Z" });
    const listed = [letter(1, { replayed: "2026-11-22T01:00:00Z" }), letter(4), again];
    expect(stillRejected([letter(1), letter(2), letter(3)], listed).map(({ id }) => id)).toEqual([1, 9]);
    expect(spanOf([letter(3), letter(1)])).toEqual({ from: Date.parse(letter(1).received), to: Date.parse(letter(3).received) + 1 });
  });
});
