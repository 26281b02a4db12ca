import type { PaymentId } from '@quittance/protocol';

import type { PaymentProgress, PaymentState } from './payment.js';

/** One change of a payment's row. */
export type Change = {
  readonly id: PaymentId;
  readonly from: PaymentState;
  readonly progress: PaymentProgress;
  /** The event of the broadcast that is passed on the way to an outcome; null where it is no step or one of its own. */
  readonly passed: string | null;
};

/** Changes that are written one after the other: of each payment at most one a round. */
export type Rounds = ReadonlyArray<readonly Change[]>;

/** Makes one change of a broadcast and its outcome, where both are told at once: the row is written once. */
export function passingBroadcasts([broadcasts = [], outcomes = [], ...later]: Rounds): Rounds {
  const outcomeOf = new Map(outcomes.map((change) => [change.id, change]));
  const isPassed = (change: Change): boolean => {
    const outcome = outcomeOf.get(change.id)?.progress;
    return (
      change.from === 'accepted' &&
      change.progress.state === 'submitted' &&
      (outcome?.state === 'confirmed' || outcome?.state === 'failed') &&
      outcome.transaction === change.progress.transaction
    );
  };
  const passed = new Map(broadcasts.filter(isPassed).map((change) => [change.id, change]));
  if (passed.size === 0) return [broadcasts, outcomes, ...later];
  return [
    broadcasts.filter(({ id }) => !passed.has(id)),
    outcomes.map((outcome) => {
      const broadcast = passed.get(outcome.id);
      return broadcast === undefined
        ? outcome
        : { ...outcome, from: broadcast.from, passed: broadcast.progress.lastEventId };
    }),
    ...later,
  ];
}
