/** How long a payment waits for others at most while something of ours is on its way. */
export const gatherMs = 150;
/** How long it waits, with nothing on its way, for as many as came the time before: a crowd that pays again and again moves together. */
export const companyMs = 10;
/**
 * How long those that gathered wait, once a batch has ended, for its payers to come again. Without it a crowd that pays again
 * and again falls into halves that take turns: twice the batches, each at the price of a whole one.
 */
export const returnMs = 40;
/** So long it is remembered how many came. */
export const companyMemoryMs = 250;
/** So many fill a batch, or nearly. */
export const fullBatchSize = 200;

export type Gathering = {
  /** Payments that could be signed now. */
  readonly ready: number;
  /** How long the first of them has been ready. */
  readonly oldestWaitedMs: number;
  /** Batches of ours that are on their way to a block of this chain. */
  readonly onTheirWay: number;
  /** One of them came to its end since the last was signed. */
  readonly oneEnded: boolean;
  /** Payments that were signed together the time before; 1 when that was long ago. */
  readonly company: number;
  /** Payments that gathered while a batch was on its way, and those that ended with it; 1 when that was one alone. */
  readonly crowd: number;
  readonly sinceEndMs: number;
};

/**
 * How long to let payments gather before the next batch, by the rule that Nagle made for packets: with nothing on its way
 * each goes at once, and otherwise what comes in meanwhile goes together, with whom just ended. 0 says to go now.
 */
export function gatherPauseMs(gathering: Gathering): number {
  const { ready, oldestWaitedMs, onTheirWay, oneEnded, company, crowd, sinceEndMs } = gathering;
  if (ready >= fullBatchSize) return 0;
  const free = onTheirWay === 0 || oneEnded;
  if (free && ready < crowd) {
    const returnsMs = Math.min(returnMs - sinceEndMs, gatherMs - oldestWaitedMs);
    if (returnsMs > 0) return returnsMs;
  }
  if (free && ready >= company) return 0;
  const mostMs = free ? companyMs : gatherMs;
  return Math.min(Math.max(mostMs - oldestWaitedMs, 0), mostMs);
}
