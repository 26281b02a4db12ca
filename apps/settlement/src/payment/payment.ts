import type { PaymentId } from '@quittance/protocol';
import type { ChainId } from '@quittance/money';

export type Hex = `0x${string}`;

/** A payment as it was accepted: what the payer signed. Addresses in lower case. */
export type Payment = {
  readonly paymentId: PaymentId;
  readonly chainId: ChainId;
  readonly asset: Hex;
  readonly payer: Hex;
  readonly payTo: Hex;
  readonly amount: bigint;
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  readonly nonce: Hex;
  readonly signature: Hex;
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

/** Where a payment stands; `attempts` counts the transactions signed for it so far. */
export type Standing = { readonly state: PaymentState; readonly attempts: number };

export type PaymentEvent =
  /** The facilitator saw `validBefore` pass with the authorization unused. */
  | { readonly type: 'expired' }
  /** The chain says, before anything is signed, that the transfer cannot go through. */
  | { readonly type: 'refused' }
  /** Attempt `attempt` is signed and stored. */
  | { readonly type: 'submitted'; readonly attempt: number }
  /** The authorization's log is on chain at the configured depth, whoever put it there. */
  | { readonly type: 'landed' }
  /** Attempt `attempt` was mined and reverted. */
  | { readonly type: 'reverted'; readonly attempt: number }
  /** The relayer's nonce of attempt `attempt` was used by another transaction. */
  | { readonly type: 'displaced'; readonly attempt: number };

/**
 * The state machine of a payment. Total: an event that does not fit, or comes again, leaves the standing as it is,
 * by identity, so that `after === before` says that nothing is to be done.
 */
export function transition(before: Standing, event: PaymentEvent): Standing {
  switch (before.state) {
    case 'queued':
      return fromQueued(before, event);
    case 'submitted':
      return fromSubmitted(before, event);
    case 'failed':
    case 'expired':
      return event.type === 'landed' ? { ...before, state: 'confirmed' } : before;
    case 'confirmed':
      return before;
  }
}

function fromQueued(before: Standing, event: PaymentEvent): Standing {
  switch (event.type) {
    case 'expired':
      return { ...before, state: 'expired' };
    case 'refused':
      return { ...before, state: 'failed' };
    case 'landed':
      return { ...before, state: 'confirmed' };
    case 'submitted':
      return event.attempt === before.attempts + 1 ? { state: 'submitted', attempts: event.attempt } : before;
    case 'reverted':
    case 'displaced':
      return before;
  }
}

function fromSubmitted(before: Standing, event: PaymentEvent): Standing {
  switch (event.type) {
    case 'landed':
      return { ...before, state: 'confirmed' };
    case 'reverted':
      return event.attempt === before.attempts ? { ...before, state: 'failed' } : before;
    case 'displaced':
      return event.attempt === before.attempts ? { ...before, state: 'queued' } : before;
    case 'expired':
    case 'refused':
    case 'submitted':
      return before;
  }
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
]);
