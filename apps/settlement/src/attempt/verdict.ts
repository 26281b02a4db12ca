import type { Sighting } from './sightings.js';

/** Refusals of the same kind that make a verdict, and how long they have to go on: a node that lags answers of the past. */
const refusalsMin = 3;
const refusalsLastMs = 1_000;
/** A node that refuses for ever new reasons is believed after this. */
const anyRefusalsLastMs = 5_000;
/** Between two estimates of a transfer that was refused. */
export const refusalPauseMs = 500;

export function isRefusedForGood({ times, forMs, anyForMs }: Sighting): boolean {
  return (times >= refusalsMin && forMs >= refusalsLastMs) || anyForMs >= anyRefusalsLastMs;
}

/** Searches without a log that make a cancellation, at least, and how long they have to go on. */
const emptySearchesMin = 10;
const emptySearchesLastMs = 10 * 60_000;
const emptySearchFirstPauseMs = 500;
const emptySearchPauseMaxMs = 15_000;

/** Between two searches that found nothing. */
export function emptySearchPauseMs({ times }: Pick<Sighting, 'times'>): number {
  return Math.min(emptySearchFirstPauseMs * 2 ** Math.min(times - 1, doublingsMax), emptySearchPauseMaxMs);
}

export type EmptySearch = {
  /** The deepest block that counts as confirmed. */
  readonly confirmed: bigint;
  /** The head when the authorization was first seen spent. */
  readonly spentSeenAt: bigint;
  readonly sighting: Sighting;
};

/**
 * Whether a spent authorization of which no log is found was cancelled, on a token that writes none of cancellations. A
 * node may leave logs out for a while, and a payment that counts as cancelled and was charged is the worst of answers.
 */
export function isCancelledSilently({ confirmed, spentSeenAt, sighting }: EmptySearch): boolean {
  if (spentSeenAt > confirmed) return false;
  return sighting.times >= emptySearchesMin && sighting.forMs >= emptySearchesLastMs;
}

/** Seconds before `validBefore` in which nothing is signed any more: it could not be mined in time. */
export const validityMarginSeconds = 3n;

export function isOverdue({ validBefore }: { readonly validBefore: bigint }, nowSeconds: bigint): boolean {
  return validBefore <= nowSeconds + validityMarginSeconds;
}

/** A block at the configured depth, and whether the authorization is spent as of it. */
export type AsOfBlock = { readonly time: bigint; readonly spent: boolean };

/**
 * What to do with a queued payment that is too late to sign. One that we never signed is the facilitator's to expire; for
 * one that we did sign and lost, or whose outcome was told and taken back, nobody but us speaks.
 */
export function decideOverdue(
  payment: { readonly validBefore: bigint; readonly attempts: number; readonly reorgs: number },
  { spent, confirmed }: { readonly spent: boolean; readonly confirmed: AsOfBlock | null },
): 'find_spender' | 'wait' | 'conclude' {
  if (spent || confirmed?.spent === true) return 'find_spender';
  if (confirmed === null || confirmed.time < payment.validBefore) return 'wait';
  return payment.attempts > 0 || payment.reorgs > 0 ? 'conclude' : 'wait';
}

const overdueFirstPauseMs = 1_000;
const overduePauseMaxMs = 30_000;
const doublingsMax = 5;

/** Between two looks at a payment that is overdue: it waits for blocks, or for the facilitator. */
export function overduePauseMs(faults: number): number {
  return Math.min(overdueFirstPauseMs * 2 ** Math.min(faults, doublingsMax), overduePauseMaxMs);
}
