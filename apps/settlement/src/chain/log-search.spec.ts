import { describe, expect, it } from '@jest/globals';
import type { ChainId } from '@quittance/money';

import { findSpendingLog, logsOf } from './log-search.js';
import type { AuthorizationLog, ChainBlock, SettlementChain } from './settlement-chain.js';

type Reader = Parameters<typeof findSpendingLog>[0];

const payment = { asset: '0xa', payer: '0xb', nonce: '0xc' } as const;
const log: Partial<AuthorizationLog> = { asset: '0xa' };

/** A chain of a block each second, with one log at most, of which the node has the blocks up to `known`. */
function chain({ at = null, known = 10n ** 9n }: { at?: bigint | null; known?: bigint }): Reader {
  return {
    network: { chainId: 'eip155:1' as ChainId } as SettlementChain['network'],
    block: async (number) => (number > known ? null : ({ number, time: number } as ChainBlock)),
    authorizationUsed: async ({ fromBlock, toBlock }) =>
      at !== null && at >= fromBlock && at <= toBlock && at <= known ? [log as AuthorizationLog] : [],
  };
}

describe('a search for the log that spent an authorization', () => {
  it('goes back until the payment was accepted, and no further', async () => {
    const bounds = { head: 9_000n, acceptedSeconds: 7_000n };
    await expect(findSpendingLog(chain({ at: 6_900n }), payment, bounds)).resolves.toBe(log);
    await expect(findSpendingLog(chain({ at: 100n }), payment, bounds)).resolves.toBeNull();
    await expect(
      findSpendingLog(chain({ at: 0n }), payment, { head: 9n, acceptedSeconds: 0n }),
    ).resolves.toBe(log);
  });

  it('says that it does not know when that is too long ago', async () => {
    const bounds = { head: 200_000n, acceptedSeconds: 50_000n };
    await expect(findSpendingLog(chain({ at: null }), payment, bounds)).resolves.toBe('unknown');
    await expect(findSpendingLog(chain({ at: 60_000n }), payment, bounds)).resolves.toBe('unknown');
    await expect(findSpendingLog(chain({ at: 150_000n }), payment, bounds)).resolves.toBe(log);
    await expect(
      findSpendingLog(chain({ at: null }), payment, { head: 99_999n, acceptedSeconds: 0n }),
    ).resolves.toBeNull();
  });

  it('does not believe a node that has not got the block', async () => {
    const node = chain({ at: 9n, known: 8n });
    await expect(logsOf(node, { fromBlock: 1n, toBlock: 9n })).rejects.toMatchObject({
      code: 'chain_inconsistent',
      retryable: true,
    });
    await expect(findSpendingLog(node, payment, { head: 9n, acceptedSeconds: 0n })).rejects.toMatchObject({
      code: 'chain_inconsistent',
    });
    await expect(logsOf(node, { fromBlock: 1n, toBlock: 8n })).resolves.toEqual([]);
  });
});
