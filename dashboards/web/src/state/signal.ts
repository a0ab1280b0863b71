import { useEffect, useState } from "preact/hooks";

/** A value that says when it changes. */
export class Signal<T> {
  #value: T;
  #listeners = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of [...this.#listeners]) listener();
  }

  /** Calls back at each change; returns what ends it. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** The value of a signal; the component is drawn again when it changes. */
export function useSignal<T>(signal: Signal<T>): T {
  const [value, set] = useState(signal.value);
  useEffect(() => {
    set(() => signal.value);
    return signal.subscribe(() => set(() => signal.value));
  }, [signal]);
  return value;
}
