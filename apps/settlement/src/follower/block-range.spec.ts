import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { blockRangeMax, confirmedBlock, firstCursor, nextRange, rangesDownFrom } from './block-range.js';
import { isDueAgain, pauseBeforeLook, rebroadcastIntervalMs } from './pace.js';

describe('following a chain', () => {
  it('reads every confirmed block once, in order and in bounded pieces', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 3_000n }),
        fc.bigInt({ min: 0n, max: 3_000n }),
        (start, confirmed) => {
          let cursor = start;
          for (
            let range = nextRange(cursor, confirmed);
            range !== null;
            range = nextRange(cursor, confirmed)
          ) {
            expect(range.fromBlock).toBe(cursor + 1n);
            expect(range.toBlock - range.fromBlock).toBeLessThan(blockRangeMax);
            cursor = range.toBlock;
          }
          expect(cursor).toBe(confirmed > start ? confirmed : start);
        },
      ),
    );
  });

  it('counts the block itself as the first confirmation', () => {
    expect(confirmedBlock(100n, 1)).toBe(100n);
    expect(confirmedBlock(100n, 12)).toBe(89n);
    expect(nextRange(0n, confirmedBlock(3n, 12))).toBeNull();
  });

  it('starts a little before the head of a chain it has not seen', () => {
    expect(firstCursor(1_000n)).toBe(936n);
    expect(firstCursor(10n)).toBe(0n);
    expect(firstCursor(-5n)).toBe(0n);
  });

  it('searches back without leaving out a block', () => {
    const ranges = [...rangesDownFrom(1_234n, 7n)];
    expect(ranges[0]?.toBlock).toBe(1_234n);
    expect(ranges.at(-1)?.fromBlock).toBe(7n);
    ranges
      .slice(1)
      .forEach((range, index) => expect(range.toBlock).toBe((ranges[index]?.fromBlock ?? 0n) - 1n));
  });
});

describe('the pace of looking', () => {
  it('is quick after a broadcast where blocks are made on demand, for a while', () => {
    expect(
      pauseBeforeLook({ live: false, pollIntervalMs: 100, outstanding: true, sinceBroadcastMs: 5 }),
    ).toBe(20);
    expect(
      pauseBeforeLook({ live: false, pollIntervalMs: 100, outstanding: true, sinceBroadcastMs: 5_000 }),
    ).toBe(100);
  });

  it('is the configured one when nothing is under way', () => {
    expect(
      pauseBeforeLook({ live: false, pollIntervalMs: 100, outstanding: false, sinceBroadcastMs: 5 }),
    ).toBe(100);
  });

  it('spares a slow chain all but one early look', () => {
    expect(
      pauseBeforeLook({ live: false, pollIntervalMs: 1_000, outstanding: true, sinceBroadcastMs: 1 }),
    ).toBe(40);
    expect(
      pauseBeforeLook({ live: false, pollIntervalMs: 1_000, outstanding: true, sinceBroadcastMs: 41 }),
    ).toBe(1_000);
  });

  it('waits for announcements where there are any, and looks now and then in case one got lost', () => {
    const live = { live: true, pollIntervalMs: 100, sinceBroadcastMs: 5 };
    expect(pauseBeforeLook({ ...live, outstanding: true })).toBe(1_000);
    expect(pauseBeforeLook({ ...live, outstanding: false })).toBe(5_000);
  });

  it('sends again what the node did not take, or what a block passed over, and in the end everything', () => {
    const taken = { atMs: 0, head: 5n, taken: true };
    expect(isDueAgain(undefined, { atMs: 0, head: 5n }, 200)).toBe(true);
    expect(isDueAgain(taken, { atMs: 300, head: 5n }, 200)).toBe(false);
    expect(isDueAgain(taken, { atMs: 300, head: 6n }, 200)).toBe(true);
    expect(isDueAgain(taken, { atMs: 100, head: 6n }, 200)).toBe(false);
    expect(isDueAgain({ ...taken, taken: false }, { atMs: 300, head: 5n }, 200)).toBe(true);
    expect(isDueAgain(taken, { atMs: 2_000, head: 5n }, 200)).toBe(true);
  });

  it('goes through them more often where blocks come sooner, within bounds', () => {
    expect(rebroadcastIntervalMs(20)).toBe(200);
    expect(rebroadcastIntervalMs(100)).toBe(300);
    expect(rebroadcastIntervalMs(60_000)).toBe(2_000);
  });
});
