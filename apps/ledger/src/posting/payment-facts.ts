import type { AssetId, ChainId } from '@quittance/money';

import type { Fee } from '../merchant/tariff.js';

/** When something happened, and the event that told us. */
export type Told = { readonly at: string; readonly eventId: string };

export type Acceptance = Told & {
  readonly resource: string | null;
  readonly validBefore: string;
  readonly nonce: string;
  /** By upto alone: the most that the payer permitted. The amount of the payment is what is taken of it. */
  readonly ceiling?: string;
};

/** The first transaction of an attempt. */
export type Submission = Told & {
  readonly relayer: string;
  readonly relayerNonce: string;
  readonly transaction: string;
  /** The most that this payment's part of it may cost, in wei. */
  readonly reserve: string;
};

/** A later transaction of an attempt, in place of the one before it; the submission is version 1. */
export type Replacement = Told & {
  readonly version: number;
  readonly transaction: string;
  readonly reserve: string;
};

export type Attempt = {
  readonly attempt: number;
  readonly submitted: Submission | null;
  readonly replacements: readonly Replacement[];
};

export type GasFact = {
  readonly attempt: number;
  readonly relayer: string;
  readonly outcome: 'ok' | 'reverted' | 'missed';
  readonly fee: string;
};

type Report = Told & { readonly blockHash: string | null; readonly gas: GasFact | null };

export type Confirmation = Report & {
  readonly kind: 'confirmed';
  readonly transaction: string;
  readonly blockNumber: string;
  readonly blockHash: string;
  readonly logIndex: number;
  readonly settledBy: 'us' | 'other';
  /** What the merchant owes us for it, by the terms of that moment; kept, so that later terms do not touch old books. */
  readonly fee?: Fee;
};

export type Failure = Report & {
  readonly kind: 'failed';
  readonly reason: string;
  readonly detail: string;
  readonly transaction: string | null;
};

/** An attempt that ended without settling the payment. */
export type Release = Report & {
  readonly kind: 'released';
  readonly attempt: number;
  readonly cause: 'displaced' | 'missed' | 'reverted';
  readonly transaction: string;
};

/** What the chain, or its refusal, made of the payment; a reorganisation can take each back. */
export type Outcome = Confirmation | Failure | Release;

export type Reorg = Told & {
  readonly takesBack: string;
  readonly transaction: string;
  readonly blockNumber: string;
};

/**
 * All that the books need to know of one payment, folded from its events: in any order, with any repetition, the same
 * events give the same facts. Plain JSON, because that is how they are kept; amounts are decimal strings.
 */
export type PaymentFacts = {
  readonly version: 1;
  readonly paymentId: string;
  readonly chainId: ChainId;
  readonly asset: AssetId;
  readonly payer: string;
  readonly payTo: string;
  readonly amount: string;
  readonly accepted: Acceptance | null;
  readonly expired: Told | null;
  /** By number. */
  readonly attempts: readonly Attempt[];
  /** In the order in which they happened, those taken back included. */
  readonly outcomes: readonly Outcome[];
  readonly reorgs: readonly Reorg[];
};

export type PaymentState = 'accepted' | 'submitted' | 'confirmed' | 'failed' | 'expired';

/** Negative when `a` comes first: by time, the event id decides between equals. */
export function byTime(a: Told, b: Told): number {
  if (a.at === b.at) return a.eventId < b.eventId ? -1 : a.eventId > b.eventId ? 1 : 0;
  return Date.parse(a.at) - Date.parse(b.at) || (a.eventId < b.eventId ? -1 : 1);
}

/** The outcomes that no reorganisation took back. */
export function standingOutcomes({ outcomes, reorgs }: PaymentFacts): readonly Outcome[] {
  if (reorgs.length === 0) return outcomes;
  const gone = new Set(reorgs.map(({ takesBack }) => takesBack));
  return outcomes.filter(({ eventId }) => !gone.has(eventId));
}

/** What settled the payment as things stand: the first report that still holds. */
export function confirmationOf(facts: PaymentFacts): Confirmation | null {
  return standingOutcomes(facts).find((outcome) => outcome.kind === 'confirmed') ?? null;
}

/** Why it is given up, as things stand. */
export function failureOf(facts: PaymentFacts): Failure | null {
  return standingOutcomes(facts).find((outcome) => outcome.kind === 'failed') ?? null;
}

/** Where a payment stands. The chain wins: what it confirmed is confirmed, whatever was reported besides. */
export function stateOf(facts: PaymentFacts): PaymentState {
  if (confirmationOf(facts) !== null) return 'confirmed';
  if (failureOf(facts) !== null) return 'failed';
  if (facts.expired !== null) return 'expired';
  return isSubmitted(facts) ? 'submitted' : 'accepted';
}

/** What the merchant owes for the payment as things stand. Without its acceptance nobody knows what was agreed. */
export function feeOf(facts: PaymentFacts): (Fee & { readonly scheme: 'exact' | 'upto' }) | null {
  const fee = confirmationOf(facts)?.fee;
  if (fee === undefined || facts.accepted === null) return null;
  return { ...fee, scheme: facts.accepted.ceiling === undefined ? 'exact' : 'upto' };
}

export type SpentGas = GasFact & Told & { readonly transaction: string | null };

/** What its mined attempts cost, as things stand: one cost an attempt, however often it was reported. */
export function gasSpent(facts: PaymentFacts): readonly SpentGas[] {
  const byAttempt = new Map<number, SpentGas>();
  for (const outcome of standingOutcomes(facts)) {
    const { at, eventId, gas } = outcome;
    if (gas === null || byAttempt.has(gas.attempt)) continue;
    byAttempt.set(gas.attempt, { ...gas, at, eventId, transaction: ownTransaction(facts, outcome) });
  }
  return [...byAttempt.values()].sort((a, b) => a.attempt - b.attempt);
}

export type Reserve = { readonly relayer: string; readonly amount: bigint };

/**
 * What transactions under way may still cost: those of attempts that were neither released nor mined. Of attempts with
 * one relayer nonce only one can be mined: they count once. After a failure none is under way.
 */
export function reservesOf(facts: PaymentFacts): readonly Reserve[] {
  if (facts.attempts.length === 0 || failureOf(facts) !== null) return [];
  const released = new Set(
    standingOutcomes(facts).flatMap((outcome) => (outcome.kind === 'released' ? [outcome.attempt] : [])),
  );
  const mined = new Set(gasSpent(facts).map(({ attempt }) => attempt));
  const minedNonces = new Set(
    facts.attempts.flatMap(({ attempt, submitted }) =>
      mined.has(attempt) && submitted !== null ? [nonceOf(submitted)] : [],
    ),
  );
  const outstanding = new Map<string, Reserve>();
  for (const { attempt, submitted, replacements } of facts.attempts) {
    if (submitted === null || released.has(attempt) || mined.has(attempt)) continue;
    if (minedNonces.has(nonceOf(submitted))) continue;
    const { reserve } = replacements.at(-1) ?? submitted;
    outstanding.set(nonceOf(submitted), { relayer: submitted.relayer, amount: BigInt(reserve) });
  }
  return [...outstanding.values()];
}

/** The newest transaction of an attempt, as far as known: the likeliest to be mined. */
export function transactionOf(attempt: Attempt | undefined): string | null {
  return attempt?.replacements.at(-1)?.transaction ?? attempt?.submitted?.transaction ?? null;
}

/** The transaction of ours that an outcome is about, even where another's settled the payment. */
export function ownTransaction(facts: PaymentFacts, outcome: Outcome): string | null {
  if (outcome.kind !== 'confirmed' || outcome.settledBy === 'us') return outcome.transaction;
  return transactionOf(facts.attempts.find(({ attempt }) => attempt === outcome.gas?.attempt));
}

const nonceOf = ({ relayer, relayerNonce }: Submission): string => `${relayer} ${relayerNonce}`;

/** Whether any event spoke of an attempt of ours, what it told taken back or not. */
function isSubmitted({ attempts, outcomes }: PaymentFacts): boolean {
  return attempts.length > 0 || outcomes.some(({ kind, gas }) => kind === 'released' || gas !== null);
}
