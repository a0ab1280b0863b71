import type { Entry } from "../state/fleet";
import { matcher } from "./search";

export type SortKey = "name" | "value" | "seen";
export interface Sort {
  key: SortKey;
  descending: boolean;
}

const byTitle = new Intl.Collator("vi", { numeric: true, sensitivity: "variant" });

/** The entries that match a query, sorted, by value as `valueOf` compares them; entries without a value or never seen come last either way. */
export function arranged(entries: Iterable<Entry>, query: string, sort: Sort, valueOf: (entry: Entry) => number): Entry[] {
  const matches = matcher(query);
  const found = [...entries].filter((entry) => matches(entry.folded));
  const sign = sort.descending ? -1 : 1;
  if (sort.key === "name") return found.sort((a, b) => sign * byTitle.compare(a.title, b.title));
  const number = sort.key === "seen" ? (entry: Entry) => entry.seenMs : valueOf;
  return found
    .map((entry) => ({ entry, key: number(entry) }))
    .sort((a, b) => lastIfNaN(a.key, b.key) ?? (sign * (a.key - b.key) || byTitle.compare(a.entry.title, b.entry.title)))
    .map(({ entry }) => entry);
}

function lastIfNaN(a: number, b: number): number | undefined {
  if (!Number.isNaN(a) && !Number.isNaN(b)) return undefined;
  return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
}
