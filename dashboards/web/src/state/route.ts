import { Signal } from "./signal";

export type PageName = "map" | "devices" | "device" | "health" | "dead-letters";

export interface Route {
  page: PageName;
  /** The device of a device page. */
  device: string;
  query: URLSearchParams;
}

export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [first = "", second = ""] = path.split("/");
  const route = { device: "", query: new URLSearchParams(query) };
  if (first === "device" && second) return { ...route, page: "device", device: decoded(second) };
  if (first === "devices" || first === "health" || first === "dead-letters") return { ...route, page: first };
  return { ...route, page: "map" };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The address of a page; empty values are left out. */
export function href(page: PageName, query: Record<string, string | undefined> = {}, device = ""): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value) params.set(key, value);
  const path = page === "map" ? "" : page === "device" ? `device/${encodeURIComponent(device)}` : page;
  const text = params.toString();
  return `#/${path}${text ? `?${text}` : ""}`;
}

export const route = new Signal<Route>(parseRoute(typeof location === "undefined" ? "" : location.hash));

export function listenToRoute(): void {
  window.addEventListener("hashchange", () => route.set(parseRoute(location.hash)));
}

export function go(target: string, replace = false): void {
  if (replace) {
    history.replaceState(null, "", target);
    route.set(parseRoute(target));
  } else {
    location.hash = target;
  }
}
