export type Pace = {
  readonly pollIntervalMs: number;
  /** The node announces new blocks by itself. */
  readonly live: boolean;
  /** Something of ours is on its way to a block. */
  readonly outstanding: boolean;
  /** Since the last broadcast; Infinity when there was none. */
  readonly sinceBroadcastMs: number;
};

/** Chains that are polled this often make blocks on demand, or nearly: a fresh broadcast is worth looking after at once. */
const fastChainPollIntervalMaxMs = 250;
const fastPollMs = 20;
/** How long a broadcast keeps the pace up. */
const fastPollingLastsMs = 2_000;
/** A slow chain is looked at once soon after a broadcast, in case it does make blocks on demand. */
const firstLookMs = 40;

/** Where blocks are announced: what an announcement that got lost may cost. */
const liveLookMs = 5_000;
const liveOutstandingLookMs = 1_000;

/** How long to wait before the next look at the chain's head. */
export function pauseBeforeLook({ pollIntervalMs, live, outstanding, sinceBroadcastMs }: Pace): number {
  if (live) return outstanding ? liveOutstandingLookMs : liveLookMs;
  if (!outstanding || sinceBroadcastMs > fastPollingLastsMs) return pollIntervalMs;
  if (pollIntervalMs <= fastChainPollIntervalMaxMs) return Math.min(fastPollMs, pollIntervalMs);
  return sinceBroadcastMs < firstLookMs ? firstLookMs : pollIntervalMs;
}

const rebroadcastIntervalMinMs = 200;
const rebroadcastIntervalMaxMs = 2_000;
const pollsBeforeRebroadcast = 3;

/** How often outstanding transactions are gone through to see whether one has to be sent again. */
export function rebroadcastIntervalMs(pollIntervalMs: number): number {
  return Math.min(
    Math.max(pollsBeforeRebroadcast * pollIntervalMs, rebroadcastIntervalMinMs),
    rebroadcastIntervalMaxMs,
  );
}

/** The last time that a transaction was handed to the node. */
export type Sent = {
  readonly atMs: number;
  /** The chain's head at that time. */
  readonly head: bigint;
  /** The node took it; false when it refused, or did not answer. */
  readonly taken: boolean;
};

/**
 * Whether to send an outstanding transaction again: nodes drop and strand transactions, and anvil strands those that
 * arrive while a block is being mined. One that the node took and that no block has passed over is left alone for longer.
 */
export function isDueAgain(
  sent: Sent | undefined,
  now: { readonly atMs: number; readonly head: bigint },
  intervalMs: number,
): boolean {
  if (sent === undefined) return true;
  const sinceMs = now.atMs - sent.atMs;
  return (
    sinceMs >= rebroadcastIntervalMaxMs || (sinceMs >= intervalMs && (!sent.taken || now.head > sent.head))
  );
}
