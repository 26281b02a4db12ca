import type { ChainId } from '@quittance/money';
import { problem } from '@quittance/observability';

import { ProblemError } from '../http/problem.error.js';

/** A chain as the registry last knew it. */
export type ChainStanding = {
  readonly chainId: ChainId;
  readonly isSuspended: boolean;
  /** Payments that are accepted or submitted. */
  readonly undecided: number;
};

/** A place in a chain's queue, held while a payment is looked at. */
export type Place = {
  /** Gives it up: `kept` when the payment was reserved, and so counts until the registry counts it. */
  leave(kept: boolean): void;
};

type Lane = { isSuspended: boolean; counted: number; reservedSince: number; inHand: number };

/**
 * What each chain takes on now, known without asking: the registry's last count, and what this process has taken on
 * since. Payments that are known already need no place.
 */
export class Intake {
  readonly #lanes: ReadonlyMap<ChainId, Lane>;

  constructor(
    chainIds: readonly ChainId[],
    private readonly queueMax: number,
  ) {
    this.#lanes = new Map(
      chainIds.map((chainId) => [chainId, { isSuspended: false, counted: 0, reservedSince: 0, inHand: 0 }]),
    );
  }

  isSuspended(chainId: ChainId): boolean {
    return this.#lanes.get(chainId)?.isSuspended ?? false;
  }

  /** @throws ProblemError 503 `network_suspended`. */
  requireSettling(chainId: ChainId): void {
    if (this.isSuspended(chainId)) throw new ProblemError(suspended(chainId));
  }

  /** @throws ProblemError 503 `network_suspended` or `queue_full`. */
  enter(chainId: ChainId): Place {
    this.requireSettling(chainId);
    const lane = this.#lanes.get(chainId);
    if (lane === undefined) return { leave: () => undefined };
    if (undecidedIn(lane) + lane.inHand >= this.queueMax) throw new ProblemError(queueFull(chainId));
    lane.inHand += 1;
    return {
      leave: (kept) => {
        lane.inHand -= 1;
        if (kept) lane.reservedSince += 1;
      },
    };
  }

  /** Payments that are not decided yet, as far as is known. */
  undecided(): ReadonlyArray<{ readonly chainId: ChainId; readonly count: number }> {
    return [...this.#lanes].map(([chainId, lane]) => ({ chainId, count: undecidedIn(lane) }));
  }

  /** Takes a new count. A fault of `read` leaves what was known. */
  async refresh(
    read: (chainIds: readonly ChainId[], undecidedMax: number) => Promise<readonly ChainStanding[]>,
  ): Promise<void> {
    // What was reserved by now is in the count that is read next; what is reserved meanwhile may not be.
    const before = new Map([...this.#lanes].map(([chainId, lane]) => [chainId, lane.reservedSince]));
    for (const { chainId, isSuspended, undecided } of await read([...this.#lanes.keys()], this.queueMax)) {
      const lane = this.#lanes.get(chainId);
      if (lane === undefined) continue;
      lane.isSuspended = isSuspended;
      lane.counted = undecided;
      lane.reservedSince -= before.get(chainId) ?? 0;
    }
  }
}

function undecidedIn({ counted, reservedSince }: Lane): number {
  return counted + reservedSince;
}

const suspended = (chainId: ChainId) =>
  problem({
    status: 503,
    code: 'network_suspended',
    title: 'Nothing new is settled on this network now',
    detail: `Nothing was begun. ${chainId} is not settled on for now and left out of /supported until it is again: send the same request again later.`,
  });

const queueFull = (chainId: ChainId) =>
  problem({
    status: 503,
    code: 'queue_full',
    title: 'Too many payments wait to be settled',
    detail: `Nothing was begun. The queue of ${chainId} is full: send the same request again after the time in Retry-After.`,
  });
