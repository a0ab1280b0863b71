import { describe, expect, it } from "vitest";
import { en } from "../src/i18n/en";
import { Format } from "../src/i18n/format";
import { monthStarts } from "../src/domain/time";
import { vi } from "../src/i18n/vi";

const [vn, gb] = [new Format("vi", vi), new Format("en", en)];
const NOW = Date.parse("2026-11-22T17:00:00Z");

describe("numbers and units", () => {
  it("have a decimal comma in Vietnamese and a point in English", () => {
    expect(vn.value(1234.56, { property: "pm2_5", unit: "ug/m3" })).toBe("1.234,6\u00a0µg/m³");
    expect(gb.value(1234.56, { property: "pm2_5", unit: "ug/m3" })).toBe("1,234.6\u00a0µg/m³");
  });

  it("have no minus before a rounded zero", () => {
    expect(gb.number(-0.04, 1)).toBe("0.0");
    expect(gb.number(-0.06, 1)).toBe("-0.1");
  });

  it("show centimetres of a water level, and no decimals of a count", () => {
    expect(vn.value(1.5, { property: "water_level", unit: "m" })).toBe("1,50\u00a0m");
    expect(vn.value(12, { property: "battery_cycles", unit: "1" })).toBe("12");
  });

  it("say what is counted, and off and on of a state", () => {
    expect(vn.value(1012, { property: "vehicle_count", unit: "1" })).toBe("1.012\u00a0xe");
    expect(gb.value(12, { property: "vehicle_count", unit: "1" })).toBe("12\u00a0vehicles");
    expect(vn.value(0, { property: "lamp_state", unit: "1" })).toBe("Tắt");
    expect(gb.value(1, { property: "lamp_state", unit: "1" })).toBe("On");
  });

  it("show the name of a code instead of the code", () => {
    const stream = { property: "mode", unit: "1", categories: { 0: "off", 1: "on" } };
    expect(gb.value(1, stream)).toBe("on");
    expect(gb.value(2, stream)).toBe("2");
  });

  it("scale bytes and durations", () => {
    expect(vn.bytes(1536)).toBe("1,5\u00a0KiB");
    expect(gb.duration(0.004)).toBe("4\u00a0ms");
    expect(gb.duration(5400)).toBe("90\u00a0min");
  });
});

describe("times", () => {
  it("are the city's, wherever the browser is", () => {
    expect(vn.clock(NOW)).toBe("00:00:00");
    expect(gb.dateTime(NOW)).toContain("23/11/2026");
  });

  it("say the day at midnight on the axis", () => {
    expect(gb.tick(NOW, 3600_000)).toBe("23/11");
    expect(gb.tick(NOW + 3600_000, 3600_000)).toBe("01:00");
  });

  it("say month and year shortly on the axis of a year", () => {
    const month = Date.parse("2025-12-31T17:00:00Z");
    expect([vn.tick(month, 30 * 86_400_000), gb.tick(month, 30 * 86_400_000)]).toEqual(["01/2026", "01/2026"]);
  });

  it("start months where the city does, on the hour it does", () => {
    const [from, to] = ["2025-11-15T00:00:00Z", "2026-04-02T00:00:00Z"].map((text) => Date.parse(text)) as [number, number];
    const starts = (every: number) => monthStarts(from, to, every).map((ms) => new Date(ms).toISOString().slice(0, 13));
    expect(starts(1)).toEqual(["2025-11-30T17", "2025-12-31T17", "2026-01-31T17", "2026-02-28T17", "2026-03-31T17"]);
    expect(starts(3)).toEqual(["2025-12-31T17", "2026-03-31T17"]);
  });

  it("say how long ago, and never for what never was", () => {
    expect(vn.ago(NOW - 180_000, NOW, vi)).toBe("3 phút trước");
    expect(gb.ago(NOW - 1000, NOW, en)).toBe("just now");
    expect(gb.ago(Number.NaN, NOW, en)).toBe("never");
  });
});

describe("the dictionaries", () => {
  const leaves = (value: unknown, path = ""): string[] =>
    typeof value === "object" && value !== null
      ? Object.entries(value).flatMap(([key, each]) => leaves(each, `${path}.${key}`))
      : [path];

  it("name the same texts, open lists of names included", () => {
    expect(leaves(en)).toEqual(leaves(vi));
  });

  it("leave no text empty", () => {
    const empty = (value: unknown): boolean =>
      typeof value === "string" ? value === "" : typeof value === "object" && value !== null && Object.values(value).some(empty);
    expect(empty(vi)).toBe(false);
    expect(empty(en)).toBe(false);
  });
});
