export type Figures = Readonly<Record<string, number>>;

/** The value below which a share of the sample lies (nearest rank). */
export function quantile(sample: readonly number[], share: number): number {
  const sorted = [...sample].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** Median and tail of a round, in milliseconds with one decimal. */
export function figuresOf(name: string, tookMs: readonly number[]): Figures {
  const rounded = (value: number): number => Math.round(value * 10) / 10;
  return {
    [`${name}_p50_ms`]: rounded(quantile(tookMs, 0.5)),
    [`${name}_p95_ms`]: rounded(quantile(tookMs, 0.95)),
  };
}

export type BenchResult = {
  readonly bench: string;
  readonly conditions: Readonly<Record<string, string | number>>;
  readonly figures: Figures;
};

/** The one line that a machine reads, the last one of a benchmark. */
export function result(outcome: BenchResult): void {
  console.log(`RESULT ${JSON.stringify(outcome)}`);
}
