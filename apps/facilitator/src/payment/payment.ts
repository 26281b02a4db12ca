import type { PaymentMethod, Sponsoring } from '@quittance/exact-evm';
import type { ChainId } from '@quittance/money';
import type { PaymentId } from '@quittance/protocol';

export const paymentStates = ['accepted', 'submitted', 'confirmed', 'failed', 'expired', 'waived'] as const;

/**
 * Accepted: reserved and promised to be tried. Submitted: a transaction with a known hash is out. Confirmed: in a
 * block, to the configured depth. Failed and expired: we gave up, but the chain has the last word. Waived: nothing was to
 * be settled of what the payer permitted, and so nothing ever is.
 */
export type PaymentState = (typeof paymentStates)[number];

/** What the payer authorized, fixed for ever. Addresses and nonce in lower case, times in seconds since 1970. */
export type PaymentTerms = {
  readonly id: PaymentId;
  readonly chainId: ChainId;
  readonly asset: string;
  readonly payer: string;
  readonly nonce: string;
  readonly payTo: string;
  /** What is settled. */
  readonly amount: bigint;
  readonly method: PaymentMethod;
  /** By `upto`: the one account that may settle it, and the most that it may settle. */
  readonly facilitator: string | null;
  readonly ceiling: bigint | null;
  /** What comes along to give Permit2 its allowance. */
  readonly sponsoring: Sponsoring['kind'] | null;
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  readonly x402Version: 1 | 2;
  readonly networkAsWritten: string;
  readonly scheme: string;
  readonly resource: string | null;
  readonly fingerprint: string;
};

/** What is known of its outcome so far. */
export type PaymentProgress = {
  readonly state: PaymentState;
  readonly reason: string | null;
  readonly detail: string | null;
  /** The newest transaction known to carry it. */
  readonly transaction: string | null;
  readonly blockNumber: bigint | null;
  /** Of a failed payment: nobody can land the authorization any more. */
  readonly authorizationSpent: boolean | null;
  /** The event behind the state. */
  readonly lastEventId: string;
};

export type Payment = PaymentTerms &
  PaymentProgress & {
    readonly acceptedAt: Date;
    readonly updatedAt: Date;
  };

/** Whether a caller who waits for the outcome can be answered. */
export function isDecided(payment: Pick<Payment, 'state'>): boolean {
  return payment.state !== 'accepted' && payment.state !== 'submitted';
}

/** What counts against a payer's balance: one payer, one asset, one chain. */
export type Purse = Pick<PaymentTerms, 'chainId' | 'asset' | 'payer'>;

/**
 * The block that a balance was read at: what was confirmed later is not yet taken from that balance, and what had
 * landed by then is, though we may not have heard of it.
 */
export type BalanceBlock = {
  readonly number: bigint;
  readonly time: bigint;
  /** Payments of the payer whose authorizations are known to be spent at this block. */
  readonly landed: readonly PaymentId[];
};

/** A payment that counts as in flight, and how to ask the chain whether it still is. */
export type OpenAuthorization = Pick<PaymentTerms, 'id' | 'method' | 'nonce'>;

const resourceLengthMax = 2_048;

/** A URL of a caller's in the form that storage and events take: without NUL, which Postgres cannot store, and bounded. */
export function storableResource(resource: string | null): string | null {
  return resource === null ? null : storableText(resource, resourceLengthMax);
}

/** Text without NUL and lone surrogates, cut to a length. */
export function storableText(text: string, lengthMax: number): string {
  return text.replaceAll('\u0000', '\ufffd').slice(0, lengthMax).toWellFormed();
}

/** What is known of a payment that is offered, and what of its purse is in flight. */
export type LookedUp = { readonly known: Payment | null; readonly inFlight: bigint };
