import { describe, expect, it } from '@jest/globals';
import type { PaymentId } from '@quittance/protocol';
import fc from 'fast-check';

import { type ExpiryCandidate, type ExpiryChain, nextCursor, provenExpired, provingBlock } from './expiry.js';

const candidates: fc.Arbitrary<ExpiryCandidate[]> = fc.array(
  fc.record({
    id: fc.uuid().map((text) => text as PaymentId),
    method: fc.constantFrom('eip3009', 'permit2'),
    asset: fc.constant('0xa'),
    payer: fc.constant('0xb'),
    nonce: fc.nat({ max: 1_000 }).map(String),
    validBefore: fc.bigInt({ min: 0n, max: 200n }),
  }),
  { maxLength: 20 },
);

function chainWith(parts: Partial<ExpiryChain>): ExpiryChain {
  return {
    confirmations: 1,
    latestBlock: async () => ({ number: 10n, hash: '0x', time: 100n }),
    block: async (number) => ({ number, hash: '0x', time: number }),
    spent: async (authorizations) => authorizations.map(() => false),
    ...parts,
  };
}

describe('an expiry', () => {
  it('is proven exactly where the block’s time has passed validBefore and the authorization is unused', async () => {
    await fc.assert(
      fc.asyncProperty(candidates, fc.bigInt({ min: 0n, max: 200n }), async (page, time) => {
        const used = (nonce: string) => Number(nonce) % 2 === 1;
        const chain = chainWith({ spent: async (asked) => asked.map(({ nonce }) => used(nonce)) });
        const proven = await provenExpired(chain, { number: 1n, hash: '0x', time }, page);
        // At its deadline a permit is still good.
        const ends = ({ method, validBefore }: ExpiryCandidate) =>
          method === 'permit2' ? validBefore + 1n : validBefore;
        expect(proven).toEqual(page.filter((candidate) => time >= ends(candidate) && !used(candidate.nonce)));
      }),
    );
  });

  it('is not decided while the chain cannot be asked', async () => {
    const chain = chainWith({ spent: () => Promise.reject(new RangeError('down')) });
    const candidate = { id: 'x' as PaymentId, asset: '0xa', payer: '0xb', nonce: '1', validBefore: 1n };
    await expect(
      provenExpired(chain, { number: 1n, hash: '0x', time: 2n }, [{ ...candidate, method: 'eip3009' }]),
    ).rejects.toThrow('down');
  });

  it('is read at the configured depth', async () => {
    await expect(provingBlock(chainWith({}))).resolves.toMatchObject({ number: 10n });
    await expect(provingBlock(chainWith({ confirmations: 4 }))).resolves.toMatchObject({
      number: 7n,
      time: 7n,
    });
    await expect(provingBlock(chainWith({ confirmations: 40 }))).resolves.toBeNull();
  });

  it('is looked for page by page, and then from the start again', () => {
    const page = [1, 2].map((n) => ({
      id: `${n}` as PaymentId,
      method: 'eip3009' as const,
      asset: '',
      payer: '',
      nonce: '',
      validBefore: BigInt(n),
    }));
    expect(nextCursor(page, 2)).toEqual({ validBefore: 2n, id: '2' });
    expect(nextCursor(page, 3)).toBeNull();
    expect(nextCursor([], 1)).toBeNull();
  });
});
