// After a change of page the focus belongs on the new page's heading, which may come later.

let wanted = false;

/** Focuses the page's heading, now or when it comes. */
export function focusHeading(): void {
  const heading = document.querySelector<HTMLElement>("main h1");
  wanted = heading === null;
  heading?.focus({ preventScroll: true });
}

/** A heading has come. */
export function headingCame(heading: HTMLElement): void {
  if (!wanted) return;
  wanted = false;
  heading.focus({ preventScroll: true });
}
