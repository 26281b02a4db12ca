import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { forkSeenMinMs, ForkSuspicion, newestShared } from './fork.js';
import type { BlockId } from './follower.repository.js';

const block = (number: number): BlockId => ({ number: BigInt(number), hash: `0x${number.toString(16)}` });

describe('the last block that a chain shares with what was applied', () => {
  it('is found wherever the fork is, with few questions', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.integer({ min: 1, max: 20_000 }), { maxLength: 400 }),
        fc.integer({ min: 0, max: 20_001 }),
        async (numbers, forkedAfter) => {
          const known = numbers.toSorted((a, b) => b - a).map(block);
          let asked = 0;
          const shared = await newestShared(known, async (number) => {
            asked += 1;
            return number <= BigInt(forkedAfter) ? block(Number(number)).hash : '0xdead';
          });
          expect(shared).toEqual(known.find(({ number }) => number <= BigInt(forkedAfter)) ?? null);
          expect(asked).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(known.length + 2)) + 1);
        },
      ),
    );
  });
});

describe('a fork', () => {
  const applied = block(7);

  it('is believed when the same is seen for a while', () => {
    const suspicion = new ForkSuspicion();
    expect(suspicion.certain(applied, '0xb', 0)).toBe(false);
    expect(suspicion.certain(applied, '0xb', forkSeenMinMs - 1)).toBe(false);
    expect(suspicion.certain(applied, '0xb', forkSeenMinMs)).toBe(true);
  });

  it('is not believed of nodes that say now this and now that', () => {
    const suspicion = new ForkSuspicion();
    suspicion.certain(applied, '0xb', 0);
    expect(suspicion.certain(applied, '0xc', forkSeenMinMs)).toBe(false);
    suspicion.clear();
    expect(suspicion.certain(applied, '0xc', 2 * forkSeenMinMs)).toBe(false);
  });
});
