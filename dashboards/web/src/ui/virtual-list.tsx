import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

/** Rows drawn above and below what is seen, so that scrolling shows no holes. */
const OVERSCAN_ROWS = 6;

interface Props<T> {
  items: readonly T[];
  rowHeightPx: number;
  label: string;
  keyOf(item: T): string;
  href(item: T): string;
  isCurrent?(item: T): boolean;
  children(item: T): ComponentChildren;
}

/**
 * A list of links of which only the seen rows exist. One tab stop; the arrow keys, Home, End
 * and the page keys move in it. Screen readers hear the place in the whole list.
 */
export function VirtualList<T>({ items, rowHeightPx, label, keyOf, href, isCurrent, children }: Props<T>) {
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);
  const [active, setActive] = useState(0);
  const focusNext = useRef(false);
  useLayoutEffect(() => {
    const element = box.current as HTMLDivElement;
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const current = Math.min(active, Math.max(0, items.length - 1));
  // Before the browser paints: the row that had the focus may be gone.
  useLayoutEffect(() => {
    if (!focusNext.current) return;
    focusNext.current = false;
    box.current?.querySelector<HTMLElement>(`[data-index="${current}"]`)?.focus({ preventScroll: true });
  }, [current, top]);

  const move = (index: number) => {
    const next = Math.max(0, Math.min(items.length - 1, index));
    const element = box.current as HTMLDivElement;
    const from = next * rowHeightPx;
    if (from < element.scrollTop) element.scrollTop = from;
    else if (from + rowHeightPx > element.scrollTop + element.clientHeight) element.scrollTop = from + rowHeightPx - element.clientHeight;
    focusNext.current = true;
    setTop(element.scrollTop);
    setActive(next);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const rows = Math.max(1, Math.floor(height / rowHeightPx) - 1);
    const steps: Record<string, number> = {
      ArrowDown: current + 1, ArrowUp: current - 1, PageDown: current + rows, PageUp: current - rows, Home: 0, End: items.length - 1,
    };
    const next = steps[event.key];
    if (next === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    move(next);
  };

  const first = Math.max(0, Math.floor(top / rowHeightPx) - OVERSCAN_ROWS);
  const last = Math.min(items.length, Math.ceil((top + height) / rowHeightPx) + OVERSCAN_ROWS);
  const shown = new Set<number>();
  for (let i = first; i < last; i++) shown.add(i);
  // The tab stop stays in the page however far the list is scrolled.
  if (items.length) shown.add(current);
  return (
    <div class="virtual" ref={box} onScroll={(event) => setTop(event.currentTarget.scrollTop)} onKeyDown={onKeyDown}>
      <ul class="virtual-rows" aria-label={label} style={{ height: `${items.length * rowHeightPx}px` }}>
        {[...shown].sort((a, b) => a - b).map((index) => {
          const item = items[index] as T;
          return (
            <li key={keyOf(item)} aria-setsize={items.length} aria-posinset={index + 1}
              style={{ transform: `translateY(${index * rowHeightPx}px)`, height: `${rowHeightPx}px` }}>
              <a href={href(item)} data-index={index} tabIndex={index === current ? 0 : -1} onFocus={() => setActive(index)}
                aria-current={isCurrent?.(item) ? "true" : undefined}>
                {children(item)}
              </a>
            </li>
          );
        })}
      </ul>
    </div>
  );
}
