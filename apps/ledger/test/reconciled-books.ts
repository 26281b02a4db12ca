import { setTimeout as sleep } from 'node:timers/promises';

import { EvmChain, type EvmNetwork } from '@quittance/chain';
import { Database } from '@quittance/database';
import type { QuittanceEvent } from '@quittance/events';
import { startTestDatabase, type TestDatabase } from '@quittance/testing';
import pg from 'pg';

import { EntryPoster } from '../src/posting/entry-poster.repository.js';
import { PostingRepository } from '../src/posting/posting.repository.js';
import { BookedRepository } from '../src/reconciliation/booked.repository.js';
import { BooksView } from '../src/reconciliation/books-view.repository.js';
import type { OwnWallets } from '../src/reconciliation/cause.js';
import { EvmChainReader } from '../src/reconciliation/chain-reader.adapter.js';
import type { ChainReader } from '../src/reconciliation/chain-reader.js';
import { ChainReconciliation } from '../src/reconciliation/chain-reconciliation.repository.js';
import { OwnWalletRepository } from '../src/reconciliation/own-wallet.repository.js';
import { PlacementRepository } from '../src/reconciliation/placement.repository.js';
import { ProgressRepository } from '../src/reconciliation/progress.repository.js';
import { RunRepository } from '../src/reconciliation/run.repository.js';
import { chainId, usdc } from './chain-payments.js';

export type BreakRow = {
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly state: string;
  readonly value: string;
  readonly payment_id: string | null;
  readonly transaction: string | null;
  readonly fixed_by: string | null;
  readonly detail: string;
};

const settleMs = 60_000;

/** Books in a database of their own, and what compares them with a chain. */
export class ReconciledBooks {
  private constructor(
    readonly server: TestDatabase,
    readonly database: Database,
    readonly postings: PostingRepository,
    readonly poster: EntryPoster,
  ) {}

  static async start(): Promise<ReconciledBooks> {
    return ReconciledBooks.on(await startTestDatabase());
  }

  /** Those of a ledger that runs. */
  static on(server: TestDatabase): ReconciledBooks {
    const database = Database.connect({
      url: server.serviceUrls.ledger,
      applicationName: 'test',
      planByIndex: true,
    });
    return new ReconciledBooks(server, database, new PostingRepository(database), new EntryPoster(database));
  }

  async stop(): Promise<void> {
    await this.database.close();
    await this.server.stop();
  }

  async post(events: readonly QuittanceEvent[]): Promise<void> {
    await this.postings.post({ events, shard: 0 });
  }

  /** Compares with the chain that a reader reads; `own` are wallets of ours. */
  reconciliation(reader: ChainReader, own: OwnWallets, graceMs = 0): ChainReconciliation {
    const { database, poster } = this;
    return new ChainReconciliation({
      chainId,
      reader,
      database,
      booked: new BookedRepository(database),
      view: new BooksView(database),
      wallets: new OwnWalletRepository(database),
      progress: new ProgressRepository(database),
      runs: new RunRepository(database),
      placement: new PlacementRepository(database),
      poster,
      own,
      graceMs,
    });
  }

  async breaks(condition = 'true'): Promise<BreakRow[]> {
    return this.database.sql<BreakRow>(
      `SELECT id::text, type, subject, state, value::text, payment_id, transaction, fixed_by::text, detail
         FROM ledger.reconciliation_break WHERE ${condition} ORDER BY id`,
    );
  }

  async balance(account: string): Promise<bigint> {
    const [row] = await this.database.sql<{ balance: string }>(
      `SELECT coalesce(sum(b.debit - b.credit), 0)::text AS balance FROM ledger.balance b
         JOIN ledger.account a ON a.id = b.account_id WHERE a.code = $1 AND b.layer = 'settled'`,
      [account],
    );
    return BigInt(row?.balance ?? 0);
  }

  async asSuperuser(statement: string, values: readonly unknown[] = []): Promise<Record<string, unknown>[]> {
    // As the service plans what it writes: by keys, however empty the tables were when a plan was made.
    const client = new pg.Client({
      connectionString: this.server.adminUrl,
      options: '-c enable_seqscan=off',
    });
    await client.connect();
    try {
      return (await client.query(statement, [...values])).rows as Record<string, unknown>[];
    } finally {
      await client.end();
    }
  }
}

/** Follows until nothing is left to compare, and what the books did since is looked for. */
export async function settle(reconciliation: ChainReconciliation, reader: ChainReader): Promise<void> {
  const end = Date.now() + settleMs;
  // Twice after the last page: what was under way when the books were looked at is looked at by the next.
  for (let rests = 0; rests < 3 && Date.now() < end;) {
    const final = await reader.finalBlock();
    if (final === null) await sleep(10);
    else if (!(await reconciliation.follow(final))) rests += 1;
  }
}

export function readerOf(rpcUrl: string, relayer: string): EvmChainReader {
  const network: EvmNetwork = {
    chainId,
    rpcUrls: [rpcUrl],
    assets: [{ address: usdc, symbol: 'USDC', decimals: 6, name: 'USDC', version: '2' }],
    relayers: [relayer as `0x${string}`],
    factories: [],
    confirmations: 1,
    pollIntervalMs: 100,
    gasPriceMaxWei: 500_000_000_000n,
    replaceAfterBlocks: 3,
    finality: 0,
    relayerBalanceMinWei: 0n,
    approvalGasMaxWei: 10n ** 15n,
  };
  return new EvmChainReader(EvmChain.connect(network));
}
