import { describe, expect, it } from '@jest/globals';
import type { Fees } from '@quittance/chain';

import type { SettlementChain } from '../chain/settlement-chain.js';
import { FeeBook } from './fee-book.js';

const fees: Fees = { type: 'eip1559', baseFee: 10n, maxFeePerGas: 21n, maxPriorityFeePerGas: 1n };

function bookOf(answers: (Fees | Error)[], gasPriceMaxWei = 100n) {
  let asked = 0;
  const book = new FeeBook({
    network: { gasPriceMaxWei } as SettlementChain['network'],
    fees: async () => {
      const answer = answers[Math.min(asked, answers.length - 1)] ?? fees;
      asked += 1;
      if (answer instanceof Error) throw answer;
      return answer;
    },
  });
  return { book, asked: () => asked };
}

describe('fees', () => {
  it('are asked for once a block', async () => {
    const { book, asked } = bookOf([fees]);
    book.noteHead(1n);
    await Promise.all([book.capped(), book.capped(), book.uncapped()]);
    expect(asked()).toBe(1);
    book.noteHead(2n);
    expect(await book.capped()).toEqual(fees);
    expect(asked()).toBe(2);
  });

  it('are asked for again when the node gave none', async () => {
    const { book } = bookOf([new Error('down'), fees]);
    await expect(book.capped()).rejects.toThrow('down');
    expect(await book.capped()).toEqual(fees);
  });

  it('stay within the cap, or are none', async () => {
    expect(await bookOf([fees], 15n).book.capped()).toMatchObject({ maxFeePerGas: 15n });
    expect(await bookOf([fees], 9n).book.capped()).toBe('above_cap');
  });
});
