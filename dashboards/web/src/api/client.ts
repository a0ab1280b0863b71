import type {
  DeadLetter, Device, DeviceReconciliation, Health, Page, Problem, Reading, ReplayOutcome, Series,
} from "./types";

/** A request that failed: `status` 0 means that the platform wasn't reached. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export type Query = Record<string, string | number | null | undefined>;

/** Lists longer than this many pages are cut: the page stays bounded whatever the platform holds. */
const PAGES_MAX = 20;
const PAGE_ITEMS = 10_000;

export function url(path: string, query: Query = {}): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") params.set(key, String(value));
  }
  const text = params.toString();
  return text ? `${path}?${text}` : path;
}

export async function problemOf(response: Response): Promise<ApiError> {
  const problem = (await response.json().catch(() => ({}))) as Problem;
  return new ApiError(response.status, problem.detail ?? problem.title ?? `HTTP ${response.status}`);
}

async function send(target: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(target, init);
  } catch (error) {
    throw broken(error, init.signal);
  }
}

/** What a request broke by: taken back by the page itself, or not answered in time, or not at all. */
function broken(error: unknown, signal?: AbortSignal | null): unknown {
  const late = error instanceof DOMException && error.name === "TimeoutError";
  if (signal?.aborted && !late) return error;
  return new ApiError(0, error instanceof Error ? error.message : String(error));
}

/** The body of an answer; what breaks in its middle is as if nothing had come. */
async function bodyOf<T>(read: Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    return await read;
  } catch (error) {
    throw broken(error, signal);
  }
}

async function get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
  const response = await send(url(path, query), { headers: { accept: "application/json" }, ...(signal ? { signal } : {}) });
  if (!response.ok) throw await problemOf(response);
  return bodyOf(response.json() as Promise<T>, signal);
}

/** Every item of a paged list. */
async function all<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < PAGES_MAX; pages++) {
    const page = await get<Page<T>>(path, { limit: PAGE_ITEMS, ...query, cursor }, signal);
    items.push(...page.items);
    cursor = page.next;
    if (!cursor) break;
  }
  return items;
}

export const api = {
  devices: (signal?: AbortSignal) => all<Device>("/api/v1/devices", {}, signal),
  device: (name: string, signal?: AbortSignal) => get<Device>(`/api/v1/devices/${encodeURIComponent(name)}`, {}, signal),
  latest: (query: Query, signal?: AbortSignal) => all<Reading>("/api/v1/latest", query, signal),
  series: (query: Query, signal?: AbortSignal) => get<Series>("/api/v1/series", query, signal),
  reconciliationByDevice: (signal?: AbortSignal) =>
    all<DeviceReconciliation>("/api/v1/reconciliation", { by: "device" }, signal),
  deadLetters: (query: Query, signal?: AbortSignal) => get<Page<DeadLetter>>("/api/v1/dead-letters", query, signal),

  /** Every dead letter of a query, as many as the page may hold. */
  allDeadLetters: (query: Query, signal?: AbortSignal) => all<DeadLetter>("/api/v1/dead-letters", { limit: 1000, ...query }, signal),

  health: (signal?: AbortSignal) => get<Health>("/api/v1/health", {}, signal),

  /** Part by part; a platform that starts has nothing else to say, and says it with 503. */
  async ready(signal?: AbortSignal): Promise<Health["ready"]> {
    const response = await send("/readyz", signal ? { signal } : {});
    return bodyOf(response.json() as Promise<Health["ready"]>, signal);
  },

  /** Whether anything answers at all, whatever it says. */
  async answers(signal: AbortSignal): Promise<boolean> {
    try {
      await send("/healthz", { signal, cache: "no-store" });
      return true;
    } catch {
      return false;
    }
  },

  async metrics(signal?: AbortSignal): Promise<string> {
    const response = await send("/metrics", signal ? { signal } : {});
    if (!response.ok) throw await problemOf(response);
    return bodyOf(response.text(), signal);
  },

  async replay(ids: number[]): Promise<ReplayOutcome> {
    const response = await send("/api/v1/dead-letters/replay", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ids }),
    });
    if (!response.ok) throw await problemOf(response);
    return (await response.json()) as ReplayOutcome;
  },
};
