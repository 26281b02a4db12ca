/** The moments of a purchase, in the order in which they must come. */
export const moments = ['asked', '402', 'signed', 'verified', 'settled', 'served'] as const;
export type Moment = (typeof moments)[number];

export type TimelineRow = { readonly moment: Moment; readonly atMs: number; readonly tookMs: number };

/** Collects when each moment of one purchase was; the first time counts. */
export class Timeline {
  readonly #times = new Map<Moment, number>();

  constructor(private readonly now: () => number) {}

  mark(moment: Moment): void {
    if (!this.#times.has(moment)) this.#times.set(moment, this.now());
  }

  /** The moments that came, each with milliseconds since the start and since the one before. */
  rows(): TimelineRow[] {
    const start = this.#times.get('asked') ?? 0;
    let previous = start;
    return moments.flatMap((moment) => {
      const time = this.#times.get(moment);
      if (time === undefined) return [];
      const row = { moment, atMs: time - start, tookMs: time - previous };
      previous = time;
      return [row];
    });
  }
}
