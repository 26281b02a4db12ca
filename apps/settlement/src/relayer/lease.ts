import type { Relayer } from '@quittance/chain';

/** A key that this process may sign with, for as long as its token is the relayer's newest. */
export type LeasedRelayer = {
  readonly relayer: Pick<Relayer, 'address' | 'sign'>;
  /** Counts the holdings of the key: what is signed carries it, and the database refuses an old one. */
  readonly token: bigint;
};

/** How long a lease lasts unless it is renewed. */
export const leaseMs = 10_000;
/** Several renewals fit into a lease, so that one that fails loses nothing. */
export const renewIntervalMs = 3_000;
/** Between taking two keys: replicas that start together get some each. */
const nextKeyPauseMs = 250;
/** How often a key that others hold is looked at. */
const freeKeyPollMs = 1_000;

/** What came of looking for a key: taken, lost to another process that was faster, or none was free. */
export type LeaseTaking = 'taken' | 'lost' | 'none';

export type LeaseRound = {
  readonly configured: number;
  readonly held: number;
  readonly taking: LeaseTaking;
  readonly sinceRenewalMs: number;
};

/** How long to wait until the next round: one takes at most one key. */
export function leasePauseMs({ configured, held, taking, sinceRenewalMs }: LeaseRound): number {
  const untilRenewalMs = Math.max(renewIntervalMs - sinceRenewalMs, 0);
  if (held >= configured) return untilRenewalMs;
  // Who was faster goes on with the next key after a pause: until then it is ours to take.
  if (taking === 'lost') return 0;
  return Math.min(untilRenewalMs, taking === 'taken' ? nextKeyPauseMs : freeKeyPollMs);
}
