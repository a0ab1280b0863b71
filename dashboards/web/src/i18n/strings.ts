import type { vi } from "./vi";

/** Every text of the page. Vietnamese is written first; the type forces the other language. */
export type Strings = typeof vi;
export type Language = "vi" | "en";
