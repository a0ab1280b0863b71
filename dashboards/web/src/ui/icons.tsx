import type { JSX } from "preact";

const PATHS = {
  map: "M9 4 3.5 6v14L9 18l6 2 5.500-2V4L15 6 9 4Zm0 0v14m6-12v14",
  devices: "M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01",
  health: "M3 12h4l2.500-6 4.500 12 2.500-6H21",
  letters: "M4 6h16v12H4zM4 7l8 6 8-6",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14Zm5-2 4.500 4.500",
  close: "M6 6l12 12M18 6 6 18",
  check: "M5 12.500 10 17l9-10",
  cross: "M6 6l12 12M18 6 6 18",
  warning: "M12 4 2.500 20h19L12 4Zm0 6v4.500m0 3v.01",
  back: "M15 5l-7 7 7 7",
  forward: "M9 5l7 7-7 7",
  download: "M12 4v11m0 0 4.500-4.500M12 15l-4.500-4.500M4 20h16",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  fit: "M4 9V4h5m6 0h5v5m0 6v5h-5m-6 0H4v-5",
  pin: "M12 21s7-6.500 7-11.500a7 7 0 1 0-14 0C5 14.500 12 21 12 21Zm0-9a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5Z",
  language: "M4 5h9M8.500 3v2c0 4-2 7-5 9m1.500-5c1.500 3 4 4.500 6.500 5M12 20l4.500-10L21 20m-7.500-3h6",
} as const;

export type IconName = keyof typeof PATHS;

/** A drawing beside a text that says the same; screen readers pass it by. */
export function Icon({ name, size = 20 }: { name: IconName; size?: number }): JSX.Element {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor"
      stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** The mark of Nhịp: a pulse. */
export function Logo(): JSX.Element {
  return (
    <svg class="logo" width="32" height="32" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" class="logo-back" />
      <path d="M4 17h6l3-9 5 16 3-10 2 3h5" fill="none" stroke="#fff" stroke-width="2.600" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}
