import { problem } from '@quittance/observability';

import { ProblemError } from './problem.error.js';

/** How many requests of a route are worked on at once; a settle waits for its outcome, and counts all the while. */
export const requestsInFlightMax = 1_000;

/** Bounds the work in hand: beyond that, being told to come again soon is better than waiting in a queue nobody sees. */
export class Admission {
  #inFlight = 0;

  constructor(private readonly inFlightMax: number = requestsInFlightMax) {}

  /** @throws ProblemError 503 `overloaded` when there is too much in hand. */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#inFlight >= this.inFlightMax) throw new ProblemError(overloaded);
    this.#inFlight += 1;
    try {
      return await work();
    } finally {
      this.#inFlight -= 1;
    }
  }
}

const overloaded = problem({
  status: 503,
  code: 'overloaded',
  title: 'Too many requests at once',
  detail: 'Nothing was begun. Send the same request again after the time in Retry-After.',
});
