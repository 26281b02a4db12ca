import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { Hex } from '../payment/payment.js';
import { pipelineMax, takeTurns } from './turn.js';

const address = (value: number): Hex => `0x${value.toString(16).padStart(40, '0')}`;
const leased = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ relayer: { address: address(index) } }));

describe('the turns of relayers', () => {
  it('go round, the one with the fewest on their way first', () => {
    const turns = takeTurns(
      leased(3),
      new Map([
        [address(0), 2],
        [address(1), 1],
      ]),
      5,
    );
    expect(turns.map(({ relayer }) => Number(relayer.address))).toEqual([2, 1, 2, 0, 1]);
  });

  it('leave out those that are full, and end when all are', () => {
    const load = new Map([
      [address(0), pipelineMax],
      [address(1), pipelineMax - 1],
    ]);
    expect(takeTurns(leased(2), load, 4).map(({ relayer }) => Number(relayer.address))).toEqual([1]);
    expect(takeTurns([], new Map(), 4)).toEqual([]);
  });

  it('never bring anybody above the limit, and use all the room there is', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: pipelineMax + 3 }), { maxLength: 6 }),
        fc.integer({ min: 0, max: 60 }),
        (loads, count) => {
          const load = new Map(loads.map((own, index) => [address(index), own]));
          const turns = takeTurns(leased(loads.length), load, count);
          const room = loads.reduce((sum, own) => sum + Math.max(pipelineMax - own, 0), 0);
          expect(turns).toHaveLength(Math.min(room, count));
          const added = Map.groupBy(turns, ({ relayer }) => relayer.address);
          for (const [key, own] of added)
            expect((load.get(key) ?? 0) + own.length).toBeLessThanOrEqual(pipelineMax);
        },
      ),
    );
  });
});
