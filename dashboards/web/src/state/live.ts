import { api, url, type Query } from "../api/client";
import { EventParser, type ServerEvent } from "../api/sse";
import type { Reading } from "../api/types";
import { Signal } from "./signal";

/** What the connection of the feed is doing. */
export type LiveState = "connecting" | "live" | "retrying" | "paused";

export interface LiveHandlers {
  /** Readings in the order of the feed. */
  readings(batch: Reading[]): void;
  /** The feed is open. Not resumed means that readings may have been missed: read the newest. */
  opened(resumed: boolean): void;
}

const BACKOFF_MS_MIN = 500;
const BACKOFF_MS_MAX = 10_000;
/** A feed that isn't open after so long is asked for again. */
const CONNECT_MS_MAX = 15_000;
/** A feed that says nothing, not even a comment, for so long is taken for dead. */
const SILENCE_MS_MAX = 45_000;
/**
 * A feed that says nothing for so long is checked: the platform's own comments come every 15 s where there are no
 * readings, so silence alone isn't yet a loss.
 */
const QUIET_MS_MAX = 9_000;
/** A platform that doesn't answer the check for so long is gone, and the feed with it. */
const CHECK_MS_MAX = 5_000;
/** A hidden page lets the feed go after this time, and resumes when it is seen again. */
const HIDDEN_MS_MAX = 60_000;
/** After a longer break the newest readings are read instead of all that was missed: that may be millions. */
const RESUME_MS_MAX = 5 * 60_000;
/** Readings wait for the next frame, at most so many: a page that can't keep up drops the oldest. */
const QUEUE_READINGS_MAX = 50_000;

/**
 * The live feed: one connection, resumed by `Last-Event-ID` after any break. Readings are
 * handed on once a frame. (Not EventSource: that gives up for ever at the first 503.)
 */
export class Live {
  readonly state = new Signal<LiveState>("connecting");
  /** When anything last came over the feed, ms since 1970. */
  heardMs = 0;
  #handlers: LiveHandlers;
  #query: Query = {};
  #cursor = "";
  #abort: AbortController | null = null;
  #queue: Reading[] = [];
  #frame = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  #hidden: ReturnType<typeof setTimeout> | undefined;

  constructor(handlers: LiveHandlers) {
    this.#handlers = handlers;
  }

  /** Follows what the filter names, from now on. */
  follow(query: Query): void {
    if (this.#abort && url("", query) === url("", this.#query)) return;
    this.#query = query;
    this.#cursor = "";
    this.#failures = 0;
    this.#connect();
  }

  /** Lets a hidden page rest. Call at each `visibilitychange`. */
  visible(visible: boolean): void {
    clearTimeout(this.#hidden);
    if (!visible) {
      this.#hidden = setTimeout(() => this.#pause(), HIDDEN_MS_MAX);
    } else if (this.state.value === "paused" || this.state.value === "retrying") {
      this.#connect();
    }
  }

  stop(): void {
    this.#close();
    clearTimeout(this.#hidden);
  }

  #pause(): void {
    this.#close();
    this.state.set("paused");
  }

  #close(): void {
    clearTimeout(this.#retry);
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#flush();
    this.#abort?.abort();
    this.#abort = null;
  }

  #connect(): void {
    this.#close();
    const abort = new AbortController();
    this.#abort = abort;
    this.state.set(this.#failures ? "retrying" : "connecting");
    void this.#run(abort).then(() => {
      if (this.#abort === abort) this.#again();
    });
  }

  #again(): void {
    this.#abort = null;
    this.state.set("retrying");
    const wait = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** this.#failures++) * (0.75 + Math.random() / 2);
    this.#retry = setTimeout(() => this.#connect(), wait);
  }

  async #run(abort: AbortController): Promise<void> {
    if (Date.now() - this.heardMs > RESUME_MS_MAX) this.#cursor = "";
    const resumed = this.#cursor !== "";
    let watchdog = setTimeout(() => abort.abort(), CONNECT_MS_MAX);
    let check: AbortController | undefined;
    try {
      const headers: Record<string, string> = { accept: "text/event-stream" };
      if (resumed) headers["last-event-id"] = this.#cursor;
      const response = await fetch(url("/api/v1/live", this.#query), { headers, signal: abort.signal, cache: "no-store" });
      if (!response.ok || !response.body) {
        // What the cursor names is gone or was never there: begin anew.
        if (response.status >= 400 && response.status < 500) this.#cursor = "";
        return;
      }
      clearTimeout(watchdog);
      watchdog = setTimeout(() => abort.abort(), SILENCE_MS_MAX);
      check = this.#check(abort);
      this.#failures = 0;
      this.state.set("live");
      this.#handlers.opened(resumed);
      const parser = new EventParser(this.#cursor);
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done || abort.signal.aborted) return;
        clearTimeout(watchdog);
        watchdog = setTimeout(() => abort.abort(), SILENCE_MS_MAX);
        check.abort();
        check = this.#check(abort);
        this.heardMs = Date.now();
        parser.push(value, (event) => this.#take(event));
      }
    } catch {
      // Broken connections are ordinary here: the caller tries again.
    } finally {
      clearTimeout(watchdog);
      check?.abort();
      // A dead connection that the watchdog cut is tried again like any other.
      abort.abort();
    }
  }

  /** Asks the platform after each while of quiet until told to stop; cuts the connection when it doesn't answer. */
  #check(connection: AbortController): AbortController {
    const stop = new AbortController();
    const ask = async () => {
      const late = setTimeout(() => connection.abort(), CHECK_MS_MAX);
      stop.signal.addEventListener("abort", () => clearTimeout(late), { once: true });
      const answers = await api.answers(stop.signal);
      clearTimeout(late);
      if (stop.signal.aborted) return;
      if (answers) wait();
      else connection.abort();
    };
    const wait = () => {
      const timer = setTimeout(() => void ask(), QUIET_MS_MAX);
      stop.signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
    };
    wait();
    return stop;
  }

  #take(event: ServerEvent): void {
    if (event.name !== "message" && event.name !== "reading" && event.name !== "readings") return;
    const parsed = parse(event.data);
    if (!parsed) return;
    this.#cursor = event.id;
    this.#queue.push(...parsed);
    if (this.#queue.length > QUEUE_READINGS_MAX) this.#queue.splice(0, this.#queue.length - QUEUE_READINGS_MAX);
    this.#frame ||= schedule(() => this.#flush());
  }

  #flush(): void {
    this.#frame = 0;
    const batch = this.#queue;
    if (!batch.length) return;
    this.#queue = [];
    this.#handlers.readings(batch);
  }
}

/** The next frame, or soon where the page is hidden and has no frames. */
function schedule(run: () => void): number {
  if (document.visibilityState === "visible") return requestAnimationFrame(run);
  setTimeout(run, 250);
  return -1;
}

function parse(data: string): Reading[] | null {
  try {
    const body = JSON.parse(data) as Reading | Reading[];
    return Array.isArray(body) ? body : [body];
  } catch {
    return null;
  }
}
