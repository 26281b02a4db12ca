import { describe, expect, it } from '@jest/globals';
import { evmChainId, evmNativeAssetId } from '@quittance/money';
import fc from 'fast-check';

import type { Line } from '../posting/line.js';
import { faultsOf, journalStates, mirrorOf, transition, verdicts } from './journal.js';

const asset = evmNativeAssetId(evmChainId(84532));
const line = (account: string, amount: bigint): Line => ({ account, asset, layer: 'settled', amount });

describe('a decision about a journal', () => {
  it.each(
    journalStates.flatMap((state) =>
      verdicts.flatMap((verdict) => ['ada', 'ben'].map((name) => ({ state, verdict, name }))),
    ),
  )('$verdict of $name about one of ada that is $state', ({ state, verdict, name }) => {
    const step = transition({ state, author: 'ada' }, { verdict, actor: { name } });
    if (state !== 'draft') expect(step).toEqual({ kind: 'decided', state });
    else if (verdict === 'withdrawn')
      expect(step).toEqual(
        name === 'ada' ? { kind: 'moved', state: 'withdrawn' } : { kind: 'not_the_author', author: 'ada' },
      );
    else if (name === 'ada') expect(step).toEqual({ kind: 'own_draft' });
    else expect(step).toEqual({ kind: 'moved', state: verdict === 'approved' ? 'posted' : 'rejected' });
  });
});

describe('a draft', () => {
  const [one, two] = ['G:transit:gas:eip155:1', 'G:expense:gas:eip155:1:ok'];

  it('is right when it comes to 0 by asset and layer, each position once', () => {
    expect(faultsOf({ book: 'G', lines: [line(one, 5n), line(two, -5n)] })).toEqual([]);
  });

  it.each([
    ['nothing', [], /no lines/],
    ['an imbalance', [line(one, 5n), line(two, -4n)], /come to 1 and not to 0/],
    ['an account of the other book', [line('F:transit:eip155:1', 5n), line(two, -5n)], /not of book G/],
    ['a position twice', [line(one, 5n), line(two, -4n), line(two, -1n)], /two lines/],
    ['an amount of 0', [line(one, 0n), line(two, 0n)], /is 0/],
    [
      'layers that do not balance by themselves',
      [line(one, 5n), { ...line(two, -5n), layer: 'inflight' as const }],
      /come to 5 and not to 0/,
    ],
  ])('with %s is refused', (_what, lines, fault) => {
    expect(faultsOf({ book: 'G', lines }).join(' ')).toMatch(fault);
  });

  it('that mirrors a balanced transaction is balanced, and mirrored again is that transaction', () => {
    const amount = fc.bigInt({ min: 1n, max: 2n ** 256n - 1n });
    fc.assert(
      fc.property(amount, (value) => {
        const lines = [line(one, value), line(two, -value)];
        const mirror = mirrorOf(lines);
        expect(faultsOf({ book: 'G', lines: mirror })).toEqual([]);
        expect(mirrorOf(mirror)).toEqual(lines);
      }),
    );
  });
});
