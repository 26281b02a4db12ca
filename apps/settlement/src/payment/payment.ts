import type { EvmScheme, PaymentMethod, Sponsoring } from '@quittance/exact-evm';
import type { ChainId } from '@quittance/money';
import type { PaymentId } from '@quittance/protocol';

export type Hex = `0x${string}`;

/** A payment as it was accepted: what the payer signed, and how much of it is taken. Addresses in lower case. */
export type Payment = {
  readonly paymentId: PaymentId;
  readonly chainId: ChainId;
  readonly scheme: EvmScheme;
  readonly method: PaymentMethod;
  readonly asset: Hex;
  readonly payer: Hex;
  readonly payTo: Hex;
  /** What is taken. */
  readonly amount: bigint;
  /** What was signed: by `upto` perhaps more than is taken. */
  readonly ceiling: bigint;
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  readonly nonce: Hex;
  readonly signature: Hex;
  /** The one relayer that may send it; null where any may. */
  readonly facilitator: Hex | null;
  readonly sponsoring: Sponsoring | null;
};

/**
 * - `queued`: to be put on chain; nothing of ours is under way
 * - `submitted`: a signed transaction is stored, its outcome is unknown
 * - `confirmed`: the authorization was used, by us or by somebody else, to the configured depth
 * - `failed`: we will not try again; somebody else still may
 * - `expired`: the facilitator saw it expire before we had signed anything
 */
export type PaymentState = 'queued' | 'submitted' | 'confirmed' | 'failed' | 'expired';

export const paymentStates: readonly PaymentState[] = [
  'queued',
  'submitted',
  'confirmed',
  'failed',
  'expired',
];

/** Where a payment stands. */
export type Standing = {
  readonly state: PaymentState;
  /** Batches that it was signed into so far. */
  readonly attempts: number;
  /** Those of them whose outcome is not known, ascending: after a reorganization there may be several. */
  readonly underWay: readonly number[];
};

export type PaymentEvent =
  /** The facilitator saw `validBefore` pass with the authorization unused. */
  | { readonly type: 'expired' }
  /** The chain says, before anything is signed, that the transfer cannot go through. */
  | { readonly type: 'refused' }
  /** Attempt `attempt` is signed and stored. */
  | { readonly type: 'submitted'; readonly attempt: number }
  /** The authorization's log is on chain at the configured depth: put there by an attempt, or by somebody else (null). */
  | { readonly type: 'landed'; readonly attempt: number | null }
  /** Attempt `attempt`, which was for this payment alone, was mined and failed: a verdict on the payment. */
  | { readonly type: 'reverted'; readonly attempt: number }
  /** Attempt `attempt` ended without settling the payment, and without a verdict on it. */
  | { readonly type: 'released'; readonly attempt: number }
  /** Blocks left the chain: what was told of these attempts did not happen, nor, perhaps, what the payment came to. */
  | { readonly type: 'reorged'; readonly attempts: readonly number[]; readonly outcome: boolean };

/**
 * The state machine of a payment. Total: an event that does not fit, or comes again, leaves the standing as it is,
 * by identity, so that `after === before` says that nothing is to be done.
 */
export function transition(before: Standing, event: PaymentEvent): Standing {
  switch (event.type) {
    case 'expired':
      return before.state === 'queued' ? { ...before, state: 'expired' } : before;
    case 'refused':
      return before.state === 'queued' ? { ...before, state: 'failed' } : before;
    case 'submitted':
      return submitted(before, event.attempt);
    case 'landed':
      return landed(before, event.attempt);
    case 'reverted':
      return ended(before, event.attempt, 'failed');
    case 'released':
      return ended(before, event.attempt, 'queued');
    case 'reorged':
      return reorged(before, event);
  }
}

function submitted(before: Standing, attempt: number): Standing {
  if (before.state !== 'queued' || attempt !== before.attempts + 1) return before;
  return { state: 'submitted', attempts: attempt, underWay: [...before.underWay, attempt] };
}

function landed(before: Standing, attempt: number | null): Standing {
  const { underWay } = before;
  if (before.state === 'confirmed' && (attempt === null || !underWay.includes(attempt))) return before;
  return { ...before, state: 'confirmed', underWay: underWay.filter((n) => n !== attempt) };
}

/** As long as another attempt may still land the payment, it is neither queued nor failed. */
function ended(before: Standing, attempt: number, then: PaymentState): Standing {
  if (!before.underWay.includes(attempt)) return before;
  const underWay = before.underWay.filter((n) => n !== attempt);
  const over = before.state === 'submitted' && underWay.length === 0;
  return { ...before, state: over ? then : before.state, underWay };
}

function reorged(before: Standing, event: Extract<PaymentEvent, { readonly type: 'reorged' }>): Standing {
  const back = event.attempts.filter((n) => n >= 1 && n <= before.attempts && !before.underWay.includes(n));
  const underWay =
    back.length === 0 ? before.underWay : [...new Set([...before.underWay, ...back])].sort((a, b) => a - b);
  const state = stateAfterReorg(before.state, { outcome: event.outcome, any: underWay.length > 0 });
  return state === before.state && underWay === before.underWay ? before : { ...before, state, underWay };
}

function stateAfterReorg(
  state: PaymentState,
  { outcome, any }: { readonly outcome: boolean; readonly any: boolean },
): PaymentState {
  const open = state === 'queued' || (outcome && (state === 'confirmed' || state === 'failed'));
  if (!open) return state;
  return any ? 'submitted' : 'queued';
}

/** The changes of state that the machine can make; the database allows these and no other. */
export const transitions: ReadonlySet<`${PaymentState}→${PaymentState}`> = new Set([
  'queued→submitted',
  'queued→confirmed',
  'queued→failed',
  'queued→expired',
  'submitted→confirmed',
  'submitted→failed',
  'submitted→queued',
  'failed→confirmed',
  'expired→confirmed',
  'confirmed→submitted',
  'confirmed→queued',
  'failed→submitted',
  'failed→queued',
]);
