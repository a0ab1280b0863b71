import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Device, Reading } from "../src/api/types";
import { City } from "../src/state/city";
import { Fleet, newestOf, STRANGERS_MAX } from "../src/state/fleet";
import { isSilent } from "../src/state/hooks";

const device = (name: string, streams = ["pm2_5"], registered = "2026-11-22T00:00:00.000000Z"): Device => ({
  name, simulated: false, registered, datastreams: streams.map((stream) => ({ name: stream, property: stream, unit: "1" })),
});
const reading = (name: string, value: number, datastream = "pm2_5", second = 1): Reading => ({
  device: name, datastream, time: `2026-11-22T00:00:0${second}.000000Z`, received: `2026-11-22T00:00:0${second}.000000Z`,
  value, unit: "1", quality: "good",
});

/** A platform whose lists the test writes, and what was asked of it. */
const platform = { devices: [] as Device[], latest: [] as Reading[], asked: [] as string[], refuse: "" };

function asked(path: string): number {
  return platform.asked.filter((each) => each.startsWith(path)).length;
}

beforeEach(() => {
  vi.useFakeTimers();
  Object.assign(platform, { devices: [], latest: [], asked: [], refuse: "" });
  vi.stubGlobal("document", { visibilityState: "visible", addEventListener: () => {} });
  vi.stubGlobal("fetch", (target: string) => {
    const path = target.split("?")[0] as string;
    platform.asked.push(target);
    if (path === platform.refuse) return Promise.reject(new TypeError("refused"));
    const items = path === "/api/v1/devices" ? platform.devices : platform.latest;
    return Promise.resolve(new Response(JSON.stringify({ items })));
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("a list of devices read again", () => {
  const value = (city: City, name: string, property = "pm2_5") => newestOf(city.fleet.entries.get(name)!, property)?.value;

  it("shows the first reading of a device that came before the device was listed", async () => {
    const city = new City();
    await city.loadDevices();
    city.fleet.take([reading("new", 7)]);
    expect(city.fleet.incomplete).toBe(true);
    platform.devices = [device("new")];
    await city.loadDevices();
    expect(value(city, "new")).toBe(7);
    expect(city.fleet.incomplete).toBe(false);
  });

  it("shows the first reading of a new datastream of a known device", async () => {
    platform.devices = [device("a")];
    const city = new City();
    await city.loadDevices();
    city.fleet.take([reading("a", 3, "noise")]);
    expect(city.fleet.incomplete).toBe(true);
    platform.devices = [device("a", ["pm2_5", "noise"])];
    await city.loadDevices();
    expect(value(city, "a", "noise")).toBe(3);
  });

  it("reads the newest readings of datastreams that it brings without one", async () => {
    const city = new City();
    await city.loadDevices();
    platform.devices = [device("new")];
    platform.latest = [reading("new", 9)];
    await city.loadDevices();
    expect(value(city, "new")).toBe(9);
    expect(asked("/api/v1/latest")).toBe(2);
    await city.loadDevices();
    expect(asked("/api/v1/latest")).toBe(2);
  });

  it("does not ask for ever for datastreams that never sent", async () => {
    const city = new City();
    await city.loadDevices();
    platform.devices = [device("mute")];
    for (let i = 0; i < 9; i++) await city.loadDevices();
    expect(asked("/api/v1/latest")).toBe(3);
  });

  it("asks again for newest readings that could not be read", async () => {
    const city = new City();
    await city.loadDevices();
    platform.devices = [device("new")];
    platform.latest = [reading("new", 9)];
    platform.refuse = "/api/v1/latest";
    for (let i = 0; i < 5; i++) await city.loadDevices();
    platform.refuse = "";
    await city.loadDevices();
    expect(value(city, "new")).toBe(9);
  });

  it("keeps nothing of a device of another data folder", async () => {
    platform.devices = [device("a")];
    platform.latest = [reading("a", 1, "pm2_5", 9)];
    const city = new City();
    await city.loadDevices();
    expect(value(city, "a")).toBe(1);
    platform.devices = [device("a", ["pm2_5"], "2026-11-23T00:00:00.000000Z")];
    platform.latest = [reading("a", 2, "pm2_5", 3)];
    await city.loadDevices();
    expect(value(city, "a")).toBe(2);
    expect(city.reopened.value).toBe(1);
  });
});

describe("readings of what isn't listed", () => {
  it("wait for a list from after them, the newest of each datastream", () => {
    const fleet = new Fleet((name) => name);
    fleet.take([reading("new", 5, "pm2_5", 5), reading("new", 3, "pm2_5", 3)]);
    fleet.setDevices([]);
    expect(fleet.incomplete).toBe(true);
    fleet.setDevices([device("new")]);
    expect(newestOf(fleet.entries.get("new")!, "pm2_5")?.value).toBe(5);
  });

  it("are forgotten when no list brings them", () => {
    const fleet = new Fleet((name) => name);
    fleet.take([reading("gone", 1)]);
    fleet.setDevices([]);
    fleet.setDevices([]);
    expect(fleet.incomplete).toBe(false);
  });

  it("are bounded", () => {
    const fleet = new Fleet((name) => name);
    const many = Array.from({ length: STRANGERS_MAX + 1 }, (_, i) => `d${i}`);
    fleet.take(many.map((name) => reading(name, 1)));
    fleet.setDevices(many.map((name) => device(name)));
    expect([...fleet.entries.values()].filter(({ newest }) => newest.size).length).toBe(STRANGERS_MAX);
  });
});

describe("what was polled", () => {
  it("says nothing about now after a failure or too long a silence", () => {
    expect(isSilent({ error: null, atMs: 1000 }, 11_000, 10_000)).toBe(false);
    expect(isSilent({ error: null, atMs: 1000 }, 11_001, 10_000)).toBe(true);
    expect(isSilent({ error: new Error("refused"), atMs: 1000 }, 1001, 10_000)).toBe(true);
    expect(isSilent({ error: null, atMs: 0 }, 99_000, 10_000)).toBe(false);
  });
});
