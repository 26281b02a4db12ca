import { describe, expect, it } from '@jest/globals';
import type { ChainId } from '@quittance/money';

import { findEnd, findUseIn } from './log-search.js';
import type { AuthorizationLog, ChainBlock, ChainReceipt, SettlementChain } from './settlement-chain.js';

type Reader = Parameters<typeof findEnd>[0];

const payment = {
  method: 'eip3009',
  asset: '0xa',
  payer: '0xb',
  payTo: '0xd',
  amount: 1n,
  nonce: '0xc',
} as const;
const log = { asset: '0xa', authorizer: '0xb', nonce: '0xc' } as unknown as AuthorizationLog;
const isTaken = async () => false;
const used = { how: 'used', log };

/** A chain of a block each second, with one use and one cancellation at most. */
function chain({ at, cancelledAt }: { at?: bigint; cancelledAt?: bigint }): Reader {
  return {
    network: { chainId: 'eip155:1' as ChainId } as SettlementChain['network'],
    block: async (number) => ({ number, time: number }) as ChainBlock,
    authorizationEnds: async ({ fromBlock, toBlock }) => {
      const logsAt = (number: bigint | undefined) =>
        number !== undefined && number >= fromBlock && number <= toBlock ? [log] : [];
      return { used: logsAt(at), cancelled: logsAt(cancelledAt) };
    },
  } as Partial<Reader> as Reader;
}

describe('a search for what ended an authorization', () => {
  it('goes back until the payment was accepted, and no further', async () => {
    const bounds = { head: 9_000n, acceptedSeconds: 7_000n, isTaken };
    await expect(findEnd(chain({ at: 6_900n }), payment, bounds)).resolves.toEqual(used);
    await expect(findEnd(chain({ at: 100n }), payment, bounds)).resolves.toBeNull();
    const young = { head: 9n, acceptedSeconds: 0n, isTaken };
    await expect(findEnd(chain({ at: 0n }), payment, young)).resolves.toEqual(used);
  });

  it('says that it does not know when that is too long ago', async () => {
    const bounds = { head: 200_000n, acceptedSeconds: 50_000n, isTaken };
    await expect(findEnd(chain({}), payment, bounds)).resolves.toBe('unknown');
    await expect(findEnd(chain({ at: 60_000n }), payment, bounds)).resolves.toBe('unknown');
    await expect(findEnd(chain({ at: 150_000n }), payment, bounds)).resolves.toEqual(used);
    await expect(
      findEnd(chain({}), payment, { head: 99_999n, acceptedSeconds: 0n, isTaken }),
    ).resolves.toBeNull();
  });

  it('finds a cancellation, and rather a use', async () => {
    const bounds = { head: 900n, acceptedSeconds: 0n, isTaken };
    await expect(findEnd(chain({ cancelledAt: 10n }), payment, bounds)).resolves.toEqual({
      how: 'cancelled',
      log,
    });
    await expect(findEnd(chain({ at: 9n, cancelledAt: 10n }), payment, bounds)).resolves.toEqual(used);
  });
});

describe('a use among transactions of ours', () => {
  const receipts = new Map<string, ChainReceipt>([
    ['0x1', { authorizationsUsed: [{ ...log, nonce: '0xd' }] } as unknown as ChainReceipt],
    ['0x2', { authorizationsUsed: [{ ...log, asset: '0xf' }, log] } as unknown as ChainReceipt],
  ]);
  const reader = { receipt: async (hash: string) => receipts.get(hash) ?? null };

  it('is told by the receipt of whichever was mined, and by nothing else', async () => {
    await expect(findUseIn(reader, ['0x1', '0x2', '0x3'], payment)).resolves.toEqual(log);
    await expect(findUseIn(reader, ['0x1', '0x3'], payment)).resolves.toBeNull();
    await expect(findUseIn(reader, [], payment)).resolves.toBeNull();
  });
});
