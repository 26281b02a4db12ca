/** Label values by label name. */
export type Labels<Label extends string> = Readonly<Record<Label, string>>;

/** A metric's label sets, no more of them than allowed: a label that takes ever new values would fill the memory. */
export class SeriesLimit<Label extends string> {
  private readonly seen = new Set<string>();

  constructor(
    private readonly names: readonly Label[],
    private readonly seriesMax: number,
  ) {}

  admits(labels: Labels<Label>): boolean {
    const key = this.names.map((name) => JSON.stringify(labels[name])).join();
    if (this.seen.has(key)) return true;
    if (this.seen.size >= this.seriesMax) return false;
    this.seen.add(key);
    return true;
  }
}
