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
