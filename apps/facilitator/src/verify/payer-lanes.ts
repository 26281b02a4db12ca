import { problem } from '@quittance/observability';

import { ProblemError } from '../http/problem.error.js';

/** How long a payer who had too little money is remembered. */
const rememberedMs = 1_000;
const inHandMax = 2;
const waitingMax = 100;
const payersMax = 10_000;

type Lane = { untilMs: number; inHand: number; readonly waiting: Array<() => void> };

export type PayerLanesOptions = {
  /** Payments of one such payer that are looked at at the same time. */
  readonly inHandMax?: number;
  /** More of them are refused. */
  readonly waitingMax?: number;
  readonly now?: () => number;
};

/**
 * Signing payments that one has no money for costs nothing, and to look at each costs us as much as at any other: who
 * offered one has his next ones looked at a few at a time, for a moment, so that he waits and nobody else does. Only
 * money that is missing counts: everybody can get somebody else's payments refused for a signature, or a field.
 */
export class PayerLanes {
  readonly #lanes = new Map<string, Lane>();
  readonly #limits: { readonly inHand: number; readonly waiting: number };
  readonly #now: () => number;

  constructor(options: PayerLanesOptions = {}) {
    this.#limits = {
      inHand: options.inHandMax ?? inHandMax,
      waiting: options.waitingMax ?? waitingMax,
    };
    this.#now = options.now ?? (() => performance.now());
  }

  /**
   * Does the work for a payer; `isShort` says of its result that the payer has too little.
   *
   * @throws ProblemError 503 `payer_overloaded` when too much of his waits already.
   */
  async run<Result>(
    payer: string,
    work: () => Promise<Result>,
    isShort: (result: Result) => boolean,
  ): Promise<Result> {
    const lane = this.#laneOf(payer);
    if (lane !== undefined) await this.#enter(lane);
    try {
      const result = await work();
      if (isShort(result)) this.#remember(payer);
      return result;
    } finally {
      if (lane !== undefined) this.#leave(lane);
    }
  }

  #laneOf(payer: string): Lane | undefined {
    const lane = this.#lanes.get(payer);
    if (lane === undefined || lane.untilMs > this.#now() || lane.inHand > 0) return lane;
    this.#lanes.delete(payer);
    return undefined;
  }

  async #enter(lane: Lane): Promise<void> {
    if (lane.inHand < this.#limits.inHand) {
      lane.inHand += 1;
      return;
    }
    if (lane.waiting.length >= this.#limits.waiting) throw new ProblemError(tooMuchOfOnePayer);
    // Who leaves hands on his place.
    await new Promise<void>((resolve) => lane.waiting.push(resolve));
  }

  #leave(lane: Lane): void {
    const next = lane.waiting.shift();
    if (next === undefined) lane.inHand -= 1;
    else next();
  }

  #remember(payer: string): void {
    const untilMs = this.#now() + rememberedMs;
    const lane = this.#lanes.get(payer);
    if (lane !== undefined) {
      lane.untilMs = untilMs;
      return;
    }
    if (this.#lanes.size >= payersMax) this.#forgetOldest();
    this.#lanes.set(payer, { untilMs, inHand: 0, waiting: [] });
  }

  /** One that is in use goes on by itself: those within hold it. */
  #forgetOldest(): void {
    const [oldest] = this.#lanes.keys();
    if (oldest !== undefined) this.#lanes.delete(oldest);
  }
}

const tooMuchOfOnePayer = problem({
  status: 503,
  code: 'payer_overloaded',
  title: 'Too many payments of one payer at once',
  detail:
    'The payer lately offered payments without having the money, and more of them wait already. Send the same request again after the time in Retry-After.',
});
