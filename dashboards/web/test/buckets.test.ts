import { describe, expect, it } from "vitest";
import { add, cellsOf, columnsOf, summary, trim, type Cell } from "../src/domain/buckets";

const cell = (startMs: number, value = 1, count = 1): Cell => ({ startMs, count, min: value, mean: value, max: value, last: value });
const T0 = 1_800_000_000_000;

describe("live readings", () => {
  it("fall into the last bucket while it lasts, then begin the next", () => {
    const cells = [cell(T0, 10)];
    add(cells, 60_000, T0 + 30_000, 20);
    expect(cells).toEqual([{ startMs: T0, count: 2, min: 10, mean: 15, max: 20, last: 20 }]);
    add(cells, 60_000, T0 + 150_000, 5);
    expect(cells[1]).toEqual(cell(T0 + 120_000, 5));
  });

  it("that come late go where they belong", () => {
    const cells = [cell(T0), cell(T0 + 180_000)];
    add(cells, 60_000, T0 + 70_000, 7);
    expect(cells.map((each) => each.startMs)).toEqual([T0, T0 + 60_000, T0 + 180_000]);
    add(cells, 60_000, T0 - 1, 7);
    expect(cells).toHaveLength(3);
  });

  it("start a chart that has nothing", () => {
    const cells: Cell[] = [];
    add(cells, 60_000, T0, 7);
    expect(cells).toEqual([cell(T0, 7)]);
  });

  it("never make it grow without bound", () => {
    const cells: Cell[] = [];
    for (let i = 0; i < 10_000; i++) add(cells, 10, T0 + i * 10, i);
    expect(cells.length).toBeLessThanOrEqual(4000);
    expect(cells.at(-1)?.last).toBe(9999);
  });
});

describe("columns", () => {
  it("keep a gap a gap", () => {
    const cells = [0, 1, 2, 3, 20, 21].map((i) => cell(T0 + i * 60_000, i));
    const [x, , , mean] = columnsOf(cells, 60_000);
    expect(mean).toEqual([0, 1, 2, 3, null, 20, 21]);
    expect([...x].sort((a, b) => a - b)).toEqual(x);
  });

  it("join readings that are rarer than the buckets", () => {
    const cells = [0, 60, 120, 180].map((s) => cell(T0 + s * 1000));
    expect(columnsOf(cells, 1000)[3]).not.toContain(null);
  });

  it("join what a device measured at another pace before", () => {
    const slow = [0, 300, 600, 900, 1200];
    const fast = Array.from({ length: 20 }, (_, i) => 1500 + i * 30);
    const cells = [...slow, ...fast].map((s) => cell(T0 + s * 1000));
    expect(columnsOf(cells, 6000)[3]).not.toContain(null);
  });

  it("of empty buckets are none", () => {
    const item = { time: "2026-11-22T00:00:00Z", count: 0, min: 0, mean: 0, max: 0, last: 0 };
    expect(cellsOf([item])).toEqual([]);
    expect(summary([])).toBeNull();
  });
});

describe("a window", () => {
  it("lets go of what is before it, but for the one that leads into it", () => {
    const cells = [0, 1, 2, 3].map((i) => cell(T0 + i * 1000));
    trim(cells, T0 + 2000);
    expect(cells.map((each) => each.startMs)).toEqual([T0 + 1000, T0 + 2000, T0 + 3000]);
  });

  it("is summed up by weight", () => {
    expect(summary([cell(T0, 10, 3), cell(T0 + 1, 20, 1)])).toEqual({ count: 4, min: 10, mean: 12.5, max: 20 });
  });
});
