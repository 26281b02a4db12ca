import type { Address } from 'viem';

import { buyBy, type Got } from './clients.js';
import { type MatrixPayer, preparePayers } from './payers.js';
import { type Cell, cells, type Pair, pairsFor } from './plan.js';
import { openMarket } from './shops.js';
import type { UnderTest } from './under-test.js';

/** One client of a pair buys once from the other, with a payer of its own. */
export type Attempt = Cell & {
  readonly pair: Pair;
  readonly by: MatrixPayer;
  readonly got: Got | { readonly fault: string };
};

/** Makes every purchase of the matrix, and tells what each client got. */
export async function runMatrix(underTest: UnderTest, payTo: Address): Promise<Attempt[]> {
  const { chain, url: facilitatorUrl, atOnce } = underTest;
  const { chainId, rpcUrl } = chain;
  const plans = cells.flatMap((cell) =>
    pairsFor(cell.method, cell.payer).map((pair): Cell & { pair: Pair } => ({ ...cell, pair })),
  );
  const payers = await preparePayers(chain, plans.map(wishFor));
  const market = await openMarket({ facilitatorUrl, chainId, payTo });
  try {
    const open = plans.map((plan, index) => ({ ...plan, by: payers[index] as MatrixPayer }));
    const done: Attempt[] = [];
    const buyOn = async (): Promise<void> => {
      for (let next = open.shift(); next !== undefined; next = open.shift()) {
        const url = market.goodsAt(next.pair.server, next.method);
        const purchase = { url, account: next.by.account, chainId, rpcUrl };
        const got = await buyBy[next.pair.client](purchase).catch((fault: unknown) => ({
          fault: String(fault),
        }));
        done.push({ ...next, got });
      }
    };
    await Promise.all(Array.from({ length: atOnce }, buyOn));
    return done;
  } finally {
    market.close();
  }
}

/** A permit by EIP-2612 takes 65 bytes of signature, so its wallet must sign in that form; else both forms are tried. */
function wishFor({ method, payer, pair }: Cell & { readonly pair: Pair }) {
  const bare = method.approval === 'eip2612' || pair.client.endsWith('axios');
  return { kind: payer, approved: method.approval === 'before', form: bare ? 'bare' : 'wrapped' } as const;
}
