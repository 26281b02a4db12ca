export type GatheringOptions<Item, Result> = {
  /** Does it for many, and gives the results in their order. */
  readonly run: (items: readonly Item[]) => Promise<readonly Result[]>;
  /** Most items in one run. */
  readonly itemsMax: number;
  /** Runs under way at once. */
  readonly runsMax: number;
  /** How long to wait for as many as the run before had, if that was not long ago; who came alone waits for nobody. */
  readonly companyMs?: number;
  /** Whether a fault may be one item's own, so that the others deserve a run without it. */
  readonly isOfOneItem?: (fault: unknown) => boolean;
};

type Asked<Item, Result> = { readonly item: Item; readonly answer: PromiseWithResolvers<Result> };

/** So long it is remembered how many came together. */
const companyMemoryMs = 250;

/**
 * Does together what is asked for at once: what one turn of the event loop brings, what comes while as many runs as may
 * be are under way, and those who came together the time before. Who comes alone waits for nobody.
 */
export class Gathering<Item, Result> {
  #asked: Array<Asked<Item, Result>> = [];
  #running = 0;
  #planned = false;
  #waiting: NodeJS.Timeout | undefined;
  #last = { atMs: Number.NEGATIVE_INFINITY, items: 1 };

  constructor(private readonly options: GatheringOptions<Item, Result>) {}

  ask(item: Item): Promise<Result> {
    const answer = Promise.withResolvers<Result>();
    this.#asked.push({ item, answer });
    this.#plan();
    return answer.promise;
  }

  #plan(): void {
    if (this.#planned || this.#asked.length === 0 || this.#running >= this.options.runsMax) return;
    if (this.#asked.length >= this.#company()) {
      clearTimeout(this.#waiting);
      this.#waiting = undefined;
      this.#planned = true;
      setImmediate(() => this.#begin());
    } else {
      this.#waiting ??= setTimeout(() => {
        this.#waiting = undefined;
        if (!this.#planned && this.#running < this.options.runsMax) this.#begin();
      }, this.options.companyMs);
    }
  }

  /** As many as are worth waiting for. */
  #company(): number {
    const { companyMs = 0, itemsMax } = this.options;
    const isRecent = performance.now() - this.#last.atMs < companyMemoryMs;
    return companyMs > 0 && isRecent ? Math.min(this.#last.items, itemsMax) : 1;
  }

  #begin(): void {
    this.#planned = false;
    const taken = this.#asked.splice(0, this.options.itemsMax);
    if (taken.length === 0) return;
    this.#last = { atMs: performance.now(), items: taken.length };
    this.#running += 1;
    void this.#answer(taken).finally(() => {
      this.#running -= 1;
      this.#plan();
    });
    this.#plan();
  }

  async #answer(asked: ReadonlyArray<Asked<Item, Result>>): Promise<void> {
    try {
      const results = await this.options.run(asked.map(({ item }) => item));
      for (const [index, { answer }] of asked.entries()) answer.resolve(results[index] as Result);
    } catch (fault) {
      if (asked.length > 1 && this.options.isOfOneItem?.(fault) === true) {
        for (const one of asked) await this.#answer([one]);
        return;
      }
      for (const { answer } of asked) answer.reject(fault);
    }
  }
}
