import type { Database, Sql } from '@quittance/database';
import type { ChainId } from '@quittance/money';

import type { BlockRef } from './chain-reader.js';
import type { SeenTransaction } from './seen.js';
import type { SweptHeader } from './sweep.js';

/** How far a chain was compared. */
export type Progress = {
  readonly firstBlock: bigint;
  readonly nextBlock: bigint;
  /** The block before the next; null before the first page. */
  readonly lastHash: string | null;
  readonly lastTime: Date | null;
  readonly pageBlocks: bigint;
  readonly sweptId: string;
};

type ProgressRow = {
  first_block: string;
  next_block: string;
  last_hash: string | null;
  last_time: Date | null;
  page_blocks: number;
  swept_id: string;
};

/** Page ends that are kept, and headers that are looked at together. */
const pageEndsMax = 1_000;
const sweptHeadersMax = 5_000;
const orphansMax = 500;

/** How far each chain was compared; every write is part of a transaction that writes what came of it. */
export class ProgressRepository {
  /** Headers that `sweepable` gives at most. */
  readonly sweptMax = sweptHeadersMax;

  constructor(private readonly database: Database) {}

  async load(chainId: ChainId): Promise<Progress | null> {
    const [row] = await this.database.sql<ProgressRow>(
      `SELECT first_block::text, next_block::text, last_hash, last_time, page_blocks, swept_id::text
         FROM ledger.reconciliation WHERE chain_id = $1`,
      [chainId],
    );
    return row === undefined ? null : progressOf(row);
  }

  /** Begins at a block, unless another process has begun. */
  async begin(chainId: ChainId, firstBlock: bigint): Promise<void> {
    await this.database.sql(
      `INSERT INTO ledger.reconciliation (chain_id, first_block, next_block) VALUES ($1, $2::numeric, $2::numeric)
       ON CONFLICT (chain_id) DO NOTHING`,
      [chainId, firstBlock],
    );
  }

  /** Ends of compared pages, the newest first. */
  async pageEnds(chainId: ChainId): Promise<{ readonly number: bigint; readonly hash: string }[]> {
    const rows = await this.database.sql<{ number: string; hash: string }>(
      `SELECT block_number::text AS number, block_hash AS hash FROM ledger.reconciled_page
        WHERE chain_id = $1 ORDER BY block_number DESC`,
      [chainId],
    );
    return rows.map(({ number, hash }) => ({ number: BigInt(number), hash }));
  }

  /** Goes back to a page end that the chain still has, or to the beginning: what was seen above it is to be seen again. */
  async rewind(
    chainId: ChainId,
    from: Progress,
    to: { readonly number: bigint; readonly hash: string } | null,
  ): Promise<void> {
    await this.database.transaction(async ({ sql }) => {
      if (!(await lockProgress(sql, chainId, from.nextBlock))) return;
      const last = to?.number ?? from.firstBlock - 1n;
      await sql('DELETE FROM ledger.reconciled_page WHERE chain_id = $1 AND block_number > $2::numeric', [
        chainId,
        last,
      ]);
      await sql(
        'UPDATE ledger.own_transaction SET is_canonical = false WHERE chain_id = $1 AND block_number > $2::numeric',
        [chainId, last],
      );
      await sql(
        `UPDATE ledger.reconciliation SET next_block = $2::numeric, last_hash = $3, last_time = NULL, updated_at = clock_timestamp()
          WHERE chain_id = $1`,
        [chainId, last + 1n, to?.hash ?? null],
      );
    });
  }

  /** Transactions that were on a chain and were not seen on it again yet. */
  async orphans(chainId: ChainId): Promise<SeenTransaction[]> {
    return seenOf(
      await this.database.sql<SeenRow>(
        `SELECT transaction, block_number::text AS block, block_hash FROM ledger.own_transaction
          WHERE chain_id = $1 AND NOT is_canonical ORDER BY reconciled_at LIMIT ${orphansMax}`,
        [chainId],
      ),
    );
  }

  /** Where transactions were last seen. */
  async seen(chainId: ChainId, transactions: readonly string[]): Promise<SeenTransaction[]> {
    return seenOf(
      await this.database.sql<SeenRow>(
        `SELECT transaction, block_number::text AS block, block_hash FROM ledger.own_transaction
          WHERE chain_id = $1 AND transaction = ANY ($2::text[])`,
        [chainId, transactions],
      ),
    );
  }

  /** The next headers that moved wallets or payments of a chain, and were not looked for on it yet. */
  async sweepable(chainId: ChainId, { sweptId }: Progress, horizon: string): Promise<SweptHeader[]> {
    const rows = await this.database.sql<{
      id: string;
      transaction: string;
      occurred_at: Date;
      recorded_at: Date;
      is_canonical: boolean | null;
      reconciled_at: Date | null;
    }>(
      `SELECT t.id::text AS id, t.chain_transaction AS transaction, t.occurred_at, t.recorded_at, o.is_canonical, o.reconciled_at
         FROM ledger.transaction t
         LEFT JOIN ledger.own_transaction o ON o.chain_id = $1 AND o.transaction = t.chain_transaction
        WHERE t.id > $2::bigint AND t.id <= $3::bigint AND t.chain_transaction IS NOT NULL
          AND EXISTS (SELECT FROM ledger.entry e JOIN ledger.account a ON a.id = e.account_id
                       WHERE e.transaction_id = t.id AND e.layer = 'settled'
                         AND (a.code LIKE 'G:wallet:%:' || $1 || ':%' OR a.code LIKE 'F:payer:' || $1 || ':%'))
        ORDER BY t.id LIMIT ${sweptHeadersMax}`,
      [chainId, sweptId, horizon],
    );
    return rows.map((row) => ({
      id: row.id,
      transaction: row.transaction,
      occurredAt: row.occurred_at,
      recordedAt: row.recorded_at,
      seen:
        row.is_canonical === null || row.reconciled_at === null
          ? null
          : { isCanonical: row.is_canonical, at: row.reconciled_at },
    }));
  }

  /** Whether balances were not compared after this block yet, or did not agree. */
  async isProofDue(chainId: ChainId, block: bigint): Promise<boolean> {
    const [row] = await this.database.sql<{ due: boolean }>(
      `SELECT r.proved_block IS DISTINCT FROM $2::numeric
              OR EXISTS (SELECT FROM ledger.reconciliation_break b
                          WHERE b.chain_id = r.chain_id AND b.type = 'balance' AND b.state = 'open') AS due
         FROM ledger.reconciliation r WHERE r.chain_id = $1`,
      [chainId, block],
    );
    return row?.due === true;
  }

  async noteProof(sql: Sql, chainId: ChainId, block: bigint): Promise<void> {
    await sql('UPDATE ledger.reconciliation SET proved_block = $2::numeric WHERE chain_id = $1', [
      chainId,
      block,
    ]);
  }

  /** Notes that headers were looked for, unless another process did. */
  async noteSwept(chainId: ChainId, from: string, upTo: string): Promise<void> {
    await this.database.sql(
      'UPDATE ledger.reconciliation SET swept_id = $3::bigint WHERE chain_id = $1 AND swept_id = $2::bigint',
      [chainId, from, upTo],
    );
  }
}

type SeenRow = { transaction: string; block: string; block_hash: string };

const seenOf = (rows: readonly SeenRow[]): SeenTransaction[] =>
  rows.map(({ transaction, block, block_hash: blockHash }) => ({
    transaction,
    block: BigInt(block),
    blockHash,
  }));

const progressOf = (row: ProgressRow): Progress => ({
  firstBlock: BigInt(row.first_block),
  nextBlock: BigInt(row.next_block),
  lastHash: row.last_hash,
  lastTime: row.last_time,
  pageBlocks: BigInt(row.page_blocks),
  sweptId: row.swept_id,
});

/** Whether the progress is still where it was when the work began: else another process did it. */
export async function lockProgress(sql: Sql, chainId: ChainId, nextBlock: bigint): Promise<boolean> {
  const [row] = await sql<{ next_block: string }>(
    'SELECT next_block::text FROM ledger.reconciliation WHERE chain_id = $1 FOR UPDATE',
    [chainId],
  );
  return row !== undefined && BigInt(row.next_block) === nextBlock;
}

export type Advance = {
  readonly last: BlockRef;
  readonly pageBlocks: bigint;
  readonly matched: number;
  readonly found: number;
};

/** Moves on past a page. Its end is kept for the case that the chain takes it back. */
export async function advance(
  sql: Sql,
  chainId: ChainId,
  { last, pageBlocks, matched, found }: Advance,
): Promise<void> {
  await sql(
    `UPDATE ledger.reconciliation
        SET next_block = $2::numeric + 1, last_hash = $3, last_time = to_timestamp($4::numeric), page_blocks = $5::integer,
            matched = matched + $6::bigint, found = found + $7::bigint, updated_at = clock_timestamp()
      WHERE chain_id = $1`,
    [chainId, last.number, last.hash, last.time, pageBlocks, matched, found],
  );
  await sql(
    `INSERT INTO ledger.reconciled_page (chain_id, block_number, block_hash) VALUES ($1, $2::numeric, $3)
     ON CONFLICT (chain_id, block_number) DO UPDATE SET block_hash = excluded.block_hash`,
    [chainId, last.number, last.hash],
  );
  await sql(
    `DELETE FROM ledger.reconciled_page p
      WHERE p.chain_id = $1 AND p.block_number < (
        SELECT min(block_number) FROM (SELECT block_number FROM ledger.reconciled_page WHERE chain_id = $1
                                        ORDER BY block_number DESC LIMIT ${pageEndsMax}) newest)`,
    [chainId],
  );
}

/** Notes transactions of wallets of ours, and where they are now. */
export async function noteSeen(sql: Sql, chainId: ChainId, seen: readonly SeenTransaction[]): Promise<void> {
  if (seen.length === 0) return;
  const sorted = [...new Map(seen.map((one) => [one.transaction, one])).values()].sort((a, b) =>
    a.transaction < b.transaction ? -1 : 1,
  );
  await sql(
    `INSERT INTO ledger.own_transaction AS o (chain_id, transaction, block_number, block_hash)
     SELECT $1, given.* FROM unnest($2::text[], $3::numeric[], $4::text[]) AS given
     ON CONFLICT (chain_id, transaction) DO UPDATE
        SET block_number = excluded.block_number, block_hash = excluded.block_hash, is_canonical = true,
            reconciled_at = clock_timestamp()`,
    [
      chainId,
      sorted.map(({ transaction }) => transaction),
      sorted.map(({ block }) => block.toString()),
      sorted.map(({ blockHash }) => blockHash),
    ],
  );
}

/** The chain took these back, and nothing in the books is about them any more. */
export async function forgetOrphans(
  sql: Sql,
  chainId: ChainId,
  transactions: readonly string[],
): Promise<void> {
  if (transactions.length === 0) return;
  await sql(
    'DELETE FROM ledger.own_transaction WHERE chain_id = $1 AND NOT is_canonical AND transaction = ANY ($2::text[])',
    [chainId, transactions],
  );
}
