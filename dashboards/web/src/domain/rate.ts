/** How fast a counter grows, over the time since the last few looks at it. */
export class Rate {
  /** Enough looks to even out single bursts. */
  static readonly LOOKS = 6;
  #looks: { ms: number; count: number }[] = [];

  /** The growth per second; null until it was looked at twice. */
  at(ms: number, count: number): number | null {
    const last = this.#looks.at(-1);
    if (last && count < last.count) this.#looks = [];
    if (last?.ms !== ms) this.#looks.push({ ms, count });
    if (this.#looks.length > Rate.LOOKS) this.#looks.shift();
    const first = this.#looks[0];
    if (!first || ms <= first.ms) return null;
    return ((count - first.count) * 1000) / (ms - first.ms);
  }
}
