import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { EventParser, type ServerEvent } from "../src/api/sse";
import type { Device, Reading } from "../src/api/types";
import { arranged } from "../src/domain/sorting";
import { Fleet, newestOf } from "../src/state/fleet";
import { href, parseRoute } from "../src/state/route";
import { ALL, Subject } from "../src/state/subject";

const device = (name: string, over: Partial<Device> = {}): Device => ({
  name, simulated: true, datastreams: [{ name: "pm2_5", property: "pm2_5", unit: "ug/m3" }], ...over,
});
const reading = (name: string, second: number, value: number | null): Reading => ({
  device: name, datastream: "pm2_5", time: `2026-11-22T00:00:${String(second).padStart(2, "0")}.000000Z`,
  received: `2026-11-22T00:01:${String(second).padStart(2, "0")}.000000Z`, value, unit: "ug/m3", quality: "good",
});

describe("the fleet", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());
  const fleet = () => {
    const made = new Fleet((name) => name);
    made.setDevices([device("a"), device("b")]);
    return made;
  };

  it("keeps the newest by measured time, whatever the order of arrival", () => {
    const it_ = fleet();
    it_.take([reading("a", 5, 50), reading("a", 3, 30)]);
    expect(newestOf(it_.entries.get("a")!, "pm2_5")?.value).toBe(50);
  });

  it("tells its views of many batches at once", () => {
    const it_ = fleet();
    const told = vi.fn();
    it_.readings.subscribe(told);
    for (let i = 0; i < 20; i++) it_.take([reading("a", i, i)]);
    expect(told).not.toHaveBeenCalled();
    vi.advanceTimersByTime(250);
    expect(told).toHaveBeenCalledTimes(1);
  });

  it("knows that a device is missing in it, until it is read", () => {
    const it_ = fleet();
    it_.take([reading("new", 1, 1)]);
    expect(it_.incomplete).toBe(true);
    it_.setDevices([device("a"), device("new")]);
    expect(it_.incomplete).toBe(false);
    expect(it_.entries.has("b")).toBe(false);
  });

  it("sorts by value with what has none at the end either way", () => {
    const it_ = fleet();
    it_.setDevices(["a", "b", "c"].map((name) => device(name)));
    it_.take([reading("a", 1, 5), reading("c", 1, 9)]);
    const names = (descending: boolean) =>
      arranged(it_.entries.values(), "", { key: "value", descending }, (entry) => new Subject("pm2_5", it_.entries).order(entry)).map((entry) => entry.device.name);
    expect(names(true)).toEqual(["c", "a", "b"]);
    expect(names(false)).toEqual(["a", "c", "b"]);
  });
});

describe("the event stream", () => {
  const parse = (...chunks: string[]) => {
    const events: ServerEvent[] = [];
    const parser = new EventParser();
    for (const chunk of chunks) parser.push(chunk, (event) => events.push(event));
    return events;
  };

  it("is taken apart wherever the network cuts it", () => {
    const text = ": hello\r\n\r\nid: 7.1\r\nevent: reading\r\ndata: {\"a\":\r\ndata: 1}\r\n\r\nid: 8.0\ndata:x\n\n";
    const whole = parse(text);
    expect(whole).toEqual([
      { id: "7.1", name: "reading", data: '{"a":\n1}' },
      { id: "8.0", name: "message", data: "x" },
    ]);
    for (let cut = 1; cut < text.length; cut++) expect(parse(text.slice(0, cut), text.slice(cut))).toEqual(whole);
    expect(parse(...text)).toEqual(whole);
  });

  it("gives nothing for a comment or an unfinished event", () => {
    expect(parse(": beat\n\n", "data: half")).toEqual([]);
  });
});

describe("addresses", () => {
  it("lead back to where they came from", () => {
    const route = parseRoute(href("device", { range: "d7" }, "a/b ?#é"));
    expect(route).toMatchObject({ page: "device", device: "a/b ?#é" });
    expect(route.query.get("range")).toBe("d7");
  });

  it("that nobody knows lead to the map", () => {
    expect(parseRoute("#/nowhere").page).toBe("map");
    expect(parseRoute("").page).toBe("map");
    expect(parseRoute("#/device/%E0%A4%A").device).toBe("%E0%A4%A");
  });
});

describe("what is looked at", () => {
  const stream = (property: string, unit: string) => ({ name: property, property, unit });
  const of = (name: string, property: string, unit: string, value: number): Reading => ({ ...reading(name, 1, value), datastream: property, unit });
  const fleet = () => {
    const made = new Fleet((name) => name);
    made.setDevices([
      device("air", { datastreams: [stream("temperature", "Cel"), stream("pm2_5", "mg/m3")] }),
      device("river", { datastreams: [stream("water_level", "cm")] }),
      device("odd", { datastreams: [stream("salinity", "g/kg"), stream("turbidity", "[NTU]")] }),
      device("gas", { datastreams: [stream("pm10", "[ppb]")] }),
      device("new", { datastreams: [] }),
    ]);
    made.take([of("air", "pm2_5", "mg/m3", 0.2), of("air", "temperature", "Cel", 40), of("river", "water_level", "cm", 60), of("gas", "pm10", "[ppb]", 1)]);
    return made;
  };

  it("is every device by its main property", () => {
    const { entries } = fleet();
    const all = new Subject(ALL, entries);
    expect([...entries.values()].map((entry) => all.of(entry))).toEqual(["pm2_5", "water_level", "salinity", "pm10", undefined]);
    expect([...entries.values()].map((entry) => all.order(entry))).toEqual([4, 3, Number.NaN, Number.NaN, Number.NaN]);
  });

  it("is one property of those that observe it, ordered in the unit of its bands", () => {
    const { entries } = fleet();
    const dust = new Subject("pm2_5", entries);
    expect([...entries.values()].map((entry) => dust.of(entry) !== undefined)).toEqual([true, false, false, false, false]);
    expect(dust.order(entries.get("air")!)).toBeCloseTo(200);
  });

  it("says whether a value is there that its bands can't take", () => {
    const { entries } = fleet();
    expect(new Subject("pm2_5", entries).unscaled).toBe(false);
    expect(new Subject("pm10", entries).unscaled).toBe(true);
    expect(new Subject(ALL, entries).unscaled).toBe(true);
  });
});
