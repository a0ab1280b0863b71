import type { DeadLetter, Health } from "../api/types";

/** Which dead letters are looked at, in which order. */
export interface LetterFilter {
  reason: string;
  device: string;
  order: "asc" | "desc";
  /** Received at this moment or later, ms since 1970; null where that doesn't matter. */
  fromMs: number | null;
  /** Received before this moment. */
  toMs: number | null;
}

/** The filter that an address names; the newest come first unless it says otherwise. */
export function filterOf(query: URLSearchParams): LetterFilter {
  const moment = (name: string) => {
    const text = query.get(name);
    return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
  };
  return {
    reason: query.get("reason") ?? "",
    device: query.get("device") ?? "",
    order: query.get("order") === "asc" ? "asc" : "desc",
    fromMs: moment("from"),
    toMs: moment("to"),
  };
}

/** What an address says of a filter. */
export function filterQuery({ reason, device, order, fromMs, toMs }: LetterFilter): Record<string, string> {
  return {
    reason,
    device,
    order: order === "asc" ? "asc" : "",
    from: fromMs === null ? "" : String(fromMs),
    to: toMs === null ? "" : String(toMs),
  };
}

/** Whether processing has come so far in the log that a replay's outcome shows. */
export function passed({ log, lag }: Pick<Health, "log" | "lag">, untilOffset: number): boolean {
  return log.end_offset - lag.records >= untilOffset;
}

/** What is still rejected of the letters sent again: under its number, or as a new letter of the same message. */
export function stillRejected(sent: readonly DeadLetter[], listed: readonly DeadLetter[]): DeadLetter[] {
  const key = ({ received, topic }: DeadLetter) => `${received} ${topic}`;
  const ids = new Set(sent.map(({ id }) => id));
  const messages = new Set(sent.map(key));
  return listed.filter((letter) => ids.has(letter.id) || (letter.replayed && messages.has(key(letter))));
}

/** The query for the letters received when these were, whatever reason they have now. */
export function spanOf(letters: readonly DeadLetter[]): { from: number; to: number } {
  const times = letters.map(({ received }) => Date.parse(received));
  return { from: Math.min(...times), to: Math.max(...times) + 1 };
}
