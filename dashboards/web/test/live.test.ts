import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Reading } from "../src/api/types";
import { Live } from "../src/state/live";

/** When `/healthz` was asked, and whether nothing gets an answer. */
const checks: number[] = [];
let frozen = false;

type Answer = { status: number; push(text: string): void; end(): void; headers: Record<string, string> };

/** A server whose answers the test writes by hand. */
function server(statuses: number[]) {
  const answers: Answer[] = [];
  vi.stubGlobal("fetch", (target: string, init: { headers: Record<string, string>; signal: AbortSignal }) => {
    if (target === "/healthz") {
      checks.push(Date.now());
      if (!frozen) return Promise.resolve(new Response("ok"));
    }
    if (frozen) return new Promise((_, reject) => init.signal.addEventListener("abort", () => reject(init.signal.reason)));
    const status = statuses[answers.length] ?? 200;
    let control: ReadableStreamDefaultController<Uint8Array> | undefined;
    const body = new ReadableStream<Uint8Array>({ start: (made) => void (control = made) });
    init.signal.addEventListener("abort", () => control?.error(new Error("aborted")));
    answers.push({
      status,
      headers: init.headers,
      push: (text) => control?.enqueue(new TextEncoder().encode(text)),
      end: () => control?.close(),
    });
    return Promise.resolve(new Response(status === 200 ? body : "{}", { status }));
  });
  return answers;
}

describe("the live feed", () => {
  const taken: number[] = [];
  const opened: boolean[] = [];
  let live: Live;
  const event = (id: string, value: number) => `id: ${id}\nevent: reading\ndata: ${JSON.stringify({ value } as Reading)}\n\n`;
  const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms);

  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("document", { visibilityState: "hidden" });
    vi.stubGlobal("cancelAnimationFrame", () => {});
    taken.length = opened.length = checks.length = 0;
    frozen = false;
    live = new Live({
      readings: (batch) => void taken.push(...batch.map((reading) => reading.value as number)),
      opened: (resumed) => void opened.push(resumed),
    });
  });
  afterEach(() => {
    live.stop();
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  it("goes on behind the last reading after a break", async () => {
    const answers = server([200, 503, 200]);
    live.follow({ property: "pm2_5" });
    await settle();
    answers[0]?.push(event("7.0", 1) + event("7.1", 2));
    await settle(300);
    expect(live.state.value).toBe("live");
    answers[0]?.end();
    await settle();
    expect(live.state.value).toBe("retrying");
    await settle(10_000);
    expect(answers[1]?.headers["last-event-id"]).toBe("7.1");
    expect(answers[2]?.headers["last-event-id"]).toBe("7.1");
    expect(opened).toEqual([false, true]);
    answers[2]?.push(event("8.0", 3));
    await settle(300);
    expect(taken).toEqual([1, 2, 3]);
  });

  it("begins anew where the platform no longer knows the place", async () => {
    const answers = server([200, 410, 200]);
    live.follow({});
    await settle();
    answers[0]?.push(event("7.0", 1));
    await settle(300);
    answers[0]?.end();
    await settle(10_000);
    expect(answers[2]?.headers["last-event-id"]).toBeUndefined();
    expect(opened).toEqual([false, false]);
  });

  it("begins anew after a long break", async () => {
    const answers = server([]);
    live.follow({});
    await settle();
    answers[0]?.push(event("7.0", 1));
    await settle(300);
    live.visible(false);
    // The silence of the test's server would be a break of its own.
    for (let second = 0; second < 60; second++) {
      answers[0]?.push(":\n\n");
      await settle(1000);
    }
    expect(live.state.value).toBe("paused");
    await settle(6 * 60_000);
    live.visible(true);
    await settle();
    expect(answers[1]?.headers["last-event-id"]).toBeUndefined();
    expect(opened).toEqual([false, false]);
  });

  it("takes a silent connection for dead", async () => {
    const answers = server([]);
    live.follow({});
    await settle();
    expect(live.state.value).toBe("live");
    await settle(60_000);
    expect(answers.length).toBeGreaterThan(1);
  });

  it("notices within 15 s that the platform no longer answers", async () => {
    const answers = server([]);
    live.follow({});
    await settle();
    answers[0]?.push(":\n\n");
    await settle(300);
    frozen = true;
    expect(live.state.value).toBe("live");
    await settle(15_000);
    expect(live.state.value).toBe("retrying");
    frozen = false;
    await settle(30_000);
    expect(live.state.value).toBe("live");
  });

  it("keeps a quiet connection as long as the platform answers", async () => {
    const answers = server([]);
    live.follow({});
    await settle();
    for (let beat = 0; beat < 8; beat++) {
      answers[0]?.push(":\n\n");
      await settle(15_000);
    }
    expect(answers.length).toBe(1);
    expect(live.state.value).toBe("live");
    expect(checks.length).toBe(8);
  });

  it("survives what is no reading", async () => {
    const answers = server([]);
    live.follow({});
    await settle();
    answers[0]?.push(`data: {broken\n\nevent: dropped\ndata: {"reason":"slow"}\n\n${event("9.0", 4)}`);
    await settle(300);
    expect(taken).toEqual([4]);
    expect(live.state.value).toBe("live");
  });
});
