import { RANKS, type Band, type PropertyScale } from "./properties";

export type Theme = "light" | "dark";

/** What the map is painted with. The page's own colours are in the style sheet. */
export interface MapColours {
  land: string;
  water: string;
  shore: string;
  label: string;
  halo: string;
  noData: string;
  /** Of a value whose unit the bands can't take. */
  noScale: string;
  ring: string;
  selected: string;
}

export const MAP_COLOURS: Record<Theme, MapColours> = {
  light: {
    land: "#eef1f0", water: "#c9dde6", shore: "#a9c6d3", label: "#53646b", halo: "#eef1f0",
    noData: "#8b979c", noScale: "#ffffff", ring: "#26343a", selected: "#0b1f26",
  },
  dark: {
    land: "#121c20", water: "#0a2733", shore: "#17414f", label: "#8aa0a8", halo: "#121c20",
    noData: "#5b6a70", noScale: "#8f9ba0", ring: "#071014", selected: "#f2fbfb",
  },
};

/** From calm to alarming; every neighbour differs in lightness too, not by hue alone. */
const ALERT: Record<Theme, string[]> = {
  light: ["#2e9e6b", "#e2b100", "#ee7d1b", "#d4322c", "#8f3f97", "#6b1029"],
  dark: ["#3fc487", "#f2ca30", "#ff9440", "#f4544c", "#c06bd0", "#e0567c"],
};
/** From low to high, in one hue family. */
const RAMP: Record<Theme, string[]> = {
  light: ["#a8cfd6", "#6fb3c0", "#3f93a8", "#2b728f", "#235178", "#1e3260"],
  dark: ["#2a5a78", "#2f7f9c", "#37a3b4", "#55c4bd", "#93dfc0", "#dff6c8"],
};

/** Every colour that a mark may have: bands that judge, bands that order, no scale. */
export function palette(theme: Theme): string[] {
  return [...ALERT[theme], ...RAMP[theme], MAP_COLOURS[theme].noScale];
}

/** Where the palette has the colour of a band; of none, that of no scale. */
export function colourIndex(scale: PropertyScale, band: Band | undefined): number {
  if (!band) return 2 * RANKS;
  return (scale.kind === "alert" ? 0 : RANKS) + band.rank;
}

/** The colour of each rank of a scale. */
export function coloursOf(scale: PropertyScale, theme: Theme): string[] {
  return (scale.kind === "alert" ? ALERT : RAMP)[theme].slice(0, RANKS);
}
