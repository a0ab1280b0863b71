import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Theme } from "../domain/colours";

/** The time, ms since 1970, anew each `everyMs` while the page is seen. */
export function useNow(everyMs: number): number {
  const [now, set] = useState(Date.now());
  useEffect(() => {
    const tick = () => document.visibilityState === "visible" && set(Date.now());
    const timer = setInterval(tick, everyMs);
    document.addEventListener("visibilitychange", tick);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", tick);
    };
  }, [everyMs]);
  return now;
}

export function useMedia(query: string): boolean {
  const media = useMemo(() => matchMedia(query), [query]);
  const [matches, set] = useState(media.matches);
  useEffect(() => {
    const listener = () => set(media.matches);
    listener();
    media.addEventListener("change", listener);
    return () => media.removeEventListener("change", listener);
  }, [media]);
  return matches;
}

export function useTheme(): Theme {
  return useMedia("(prefers-color-scheme: dark)") ? "dark" : "light";
}

export interface Polled<T> {
  value: T | null;
  /** Why the last attempt failed; the value is then from before. */
  error: unknown;
  /** When the value came, ms since 1970. */
  atMs: number;
  reload(): void;
}

/** Whether what was read says nothing about now: the last attempt failed, or nothing came for too long. */
export function isSilent(polled: Pick<Polled<unknown>, "error" | "atMs">, nowMs: number, silenceMsMax: number): boolean {
  return polled.error !== null || (polled.atMs > 0 && nowMs - polled.atMs > silenceMsMax);
}

/** Reads something at once, when `key` changes, and each `everyMs` while the page is seen. */
export function usePolled<T>(read: (signal: AbortSignal) => Promise<T>, everyMs: number, key: string): Polled<T> {
  const [state, set] = useState<{ value: T | null; error: unknown; atMs: number; key: string }>({ value: null, error: null, atMs: 0, key });
  const [round, setRound] = useState(0);
  const latest = useRef(read);
  latest.current = read;
  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const run = async () => {
      if (document.visibilityState === "visible") {
        try {
          const value = await latest.current(abort.signal);
          if (!abort.signal.aborted) set({ value, error: null, atMs: Date.now(), key });
        } catch (error) {
          if (!abort.signal.aborted) set((old) => ({ ...old, value: old.key === key ? old.value : null, error, key }));
        }
      }
      if (!abort.signal.aborted && Number.isFinite(everyMs)) timer = setTimeout(run, everyMs);
    };
    void run();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [key, everyMs, round]);
  const current = state.key === key ? state : { value: null, error: null, atMs: 0 };
  return { value: current.value, error: current.error, atMs: current.atMs, reload: () => setRound((n) => n + 1) };
}
