import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { ChainReader } from '../src/reconciliation/chain-reader.js';
import { logPart, type ChainMovement } from '../src/reconciliation/movement.js';
import { asset, blockHash, FakeChain, native } from './fake-chain.js';
import { hexOf } from './made-up.js';
import { ReconciledBooks, settle } from './reconciled-books.js';

/**
 * Postgres is killed while a chain is compared whose every block has something to post. Each log is posted once, none is
 * left out, and the comparison comes to its end.
 */
const blocks = 120n;
const kills = 3;
const treasury = hexOf('treasury', 20);

let books: ReconciledBooks;

beforeAll(async () => {
  books = await ReconciledBooks.start();
}, 60_000);
afterAll(async () => books.stop());

function gift(block: bigint): ChainMovement {
  return {
    place: {
      block,
      blockHash: blockHash(block),
      transaction: hexOf(`gift ${block}`, 32),
      part: logPart(0),
    },
    role: 'inbound',
    asset,
    from: hexOf('a stranger', 20),
    to: treasury,
    amount: block,
    nonce: null,
    fee: 0n,
    awaitedBy: null,
  };
}

/** Pages of one block each, so that there are many places to be killed at. */
class SmallPages extends FakeChain {
  killAt: ReadonlySet<number> = new Set();

  override async page(question: Parameters<ChainReader['page']>[0]) {
    const page = await super.page(question);
    if (this.killAt.has(this.pages)) {
      // While the page is being written: the reader answers, and the server goes down before or within the commit.
      setTimeout(() => void books.server.stopServer('immediate'), 2);
    }
    return page;
  }
}

describe('a comparison that is killed', () => {
  it('goes on where it was: nothing is left out, nothing posted twice', async () => {
    const movements = [];
    for (let block = 1n; block <= blocks; block += 1n) movements.push(gift(block));
    const chain = new SmallPages(movements, blocks);
    const sum = movements.reduce((total, { amount }) => total + amount, 0n);
    chain.balances.set(`${treasury} ${asset}`, sum);
    chain.balances.set(`${treasury} ${native}`, 0n);
    chain.killAt = new Set([2, 5, 9]);
    await books.database.sql(
      `INSERT INTO ledger.reconciliation (chain_id, first_block, next_block, page_blocks) VALUES ('eip155:84532', 1, 1, 8)`,
    );
    let killed = 0;
    for (let ended = false; !ended;) {
      try {
        const final = await chain.finalBlock();
        const reconciliation = books.reconciliation(chain, new Map([[treasury, 'treasury']]));
        while (await reconciliation.follow(final));
        ended = true;
      } catch {
        killed += 1;
        await books.server.startServer();
      }
    }
    await settle(books.reconciliation(chain, new Map([[treasury, 'treasury']])), chain);
    expect(killed).toBeGreaterThanOrEqual(kills - 1);
    const [row] = await books.database.sql(
      `SELECT count(*)::int AS posted, count(DISTINCT block_number)::int AS blocks, sum(amount)::text AS sum FROM ledger.observed_transfer`,
    );
    expect(row).toEqual({ posted: Number(blocks), blocks: Number(blocks), sum: String(sum) });
    expect(await books.balance(`G:wallet:treasury:eip155:84532:${treasury}`)).toBe(sum);
    expect(await books.breaks(`state <> 'healed'`)).toEqual([]);
    const [progress] = await books.database.sql(
      'SELECT next_block::int, found::int FROM ledger.reconciliation',
    );
    expect(progress).toEqual({ next_block: Number(blocks) + 1, found: Number(blocks) });
  }, 120_000);
});
