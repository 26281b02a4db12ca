import { randomUUID } from 'node:crypto';

import type { Database, Sql } from '@quittance/database';
import { createEvent } from '@quittance/events';
import { emitEvents } from '@quittance/messaging';
import type { ChainId } from '@quittance/money';
import { crashPoint } from '@quittance/observability';
import type { PaymentId } from '@quittance/protocol';

import type { OutstandingBatch } from '../batch/batch.js';
import { blockRef, type Finding, type FoundBlock } from '../payment/finding.js';
import type { Outcome } from '../payment/outcome.js';
import { applyAll, lockFound, writeOutcomes } from '../payment/outcome.repository.js';
import type { WatchedRows } from '../payment/watched.repository.js';
import type { Hex, Payment } from '../payment/payment.js';
import type { BatchEnd, EndedBatch } from './batch-end.js';
import type { StoredBatches } from './batch-survey.js';
import { lockOpen, writeEnds } from './batch-end.repository.js';
import {
  matchLogs,
  readDisplaced,
  readOutstanding,
  readTransactions,
  storedBatches,
  takenFrom,
} from './known-batch.repository.js';
import type { TakenTransfers } from '../chain/permit-search.js';
import type { AuthorizationLog } from '../chain/settlement-chain.js';
import type { MatchedLog } from './survey.js';

/** A block by its place and its name. */
export type BlockId = { readonly number: bigint; readonly hash: Hex };

/** How far a chain has been applied: everything up to this block, of this very chain. */
export type Cursor = BlockId & { readonly finalNumber: bigint };

/** What blocks say. */
export type Applied = { readonly ended: readonly EndedBatch[]; readonly findings: readonly Finding[] };

/** How far each chain has been read, and what it says to us. */
export class FollowerRepository {
  constructor(private readonly database: Database) {}

  /** How far a chain has been applied, null when it has never been followed. */
  async cursor(chainId: ChainId): Promise<Cursor | null> {
    const [known] = await this.database.sql<CursorRow>(readCursor, [chainId]);
    if (known === undefined) return null;
    return {
      number: BigInt(known.block_number),
      hash: known.block_hash,
      finalNumber: BigInt(known.final_number),
    };
  }

  /** Takes a block as applied on a chain that has never been followed. */
  async begin(chainId: ChainId, first: BlockId): Promise<void> {
    await this.database.sql(createCursor, [chainId, first.number, first.hash]);
  }

  /** Which of the logs use an authorization of ours, or come from a transaction of ours. */
  async match(chainId: ChainId, logs: readonly AuthorizationLog[]): Promise<MatchedLog[]> {
    return matchLogs(this.database.sql, chainId, logs);
  }

  /** Batches whose outcome is not known, by relayer and nonce. */
  async outstanding(chainId: ChainId, limit: number): Promise<OutstandingBatch[]> {
    return readOutstanding(this.database.sql, chainId, limit);
  }

  /** Batches that were taken for displaced not long ago, newest first. */
  async displaced(chainId: ChainId, limit: number): Promise<OutstandingBatch[]> {
    return readDisplaced(this.database.sql, chainId, limit);
  }

  /** All transactions that were ever signed for a payment, newest first. */
  async transactionsOf(paymentId: PaymentId): Promise<readonly Hex[]> {
    return readTransactions(this.database.sql, paymentId);
  }

  /** Which transfers are not a payment's. */
  takenFrom(payment: Payment): TakenTransfers {
    return takenFrom(this.database.sql, payment);
  }

  /** What surveys of a chain ask of the database. */
  stored(chainId: ChainId): StoredBatches {
    return storedBatches(this.database, chainId);
  }

  /** The newest applied block at or below a number whose hash is known. */
  async knownAt(chainId: ChainId, number: bigint): Promise<BlockId | null> {
    const [row] = await this.database.sql<BlockRow>(readKnownAt, [chainId, number]);
    return row === undefined ? null : blockIdOf(row);
  }

  /** Applied blocks whose hashes are known, newest first. */
  async known(chainId: ChainId): Promise<readonly BlockId[]> {
    const rows = await this.database.sql<BlockRow>(readKnown, [chainId, knownMax]);
    return rows.map(blockIdOf);
  }

  /**
   * Applies what blocks say and moves the cursor from `cursor` to the last of them, in one transaction. Null when
   * another process has moved the cursor in the meantime: then nothing was applied.
   */
  async advance(
    chainId: ChainId,
    { cursor, last, ended, findings }: Applied & { readonly cursor: BlockId; readonly last: BlockId },
  ): Promise<readonly Outcome[] | null> {
    const move = [chainId, cursor.number, cursor.hash, last.number, last.hash];
    if (ended.length === 0 && findings.length === 0) {
      return (await this.database.sql(moveCursor, move)).length === 0 ? null : [];
    }
    const outcomes = await this.database.transaction(async ({ sql, commit }) => {
      const [moved, locked] = await Promise.all([sql(moveCursor, move), lock(sql, { ended, findings })]);
      if (moved.length === 0) return null;
      crashPoint('settlement.block-applied');
      return commit(write(sql, locked));
    });
    crashPoint('settlement.block-committed');
    return outcomes;
  }

  /** Applies what was found without a new block. Null when the cursor is not where it was. */
  async review(
    chainId: ChainId,
    { cursor, ended, findings }: Applied & { readonly cursor: BlockId },
  ): Promise<readonly Outcome[] | null> {
    if (ended.length === 0 && findings.length === 0) return [];
    return this.database.transaction(async ({ sql, commit }) => {
      const hold = [chainId, cursor.number, cursor.hash];
      const [held, locked] = await Promise.all([sql(holdCursor, hold), lock(sql, { ended, findings })]);
      return held.length === 0 ? null : commit(write(sql, locked));
    });
  }

  /**
   * Notes that everything up to a block is final, and tells it. False when that was known, or the block is not one of
   * those applied.
   */
  async finalize(chainId: ChainId, block: FoundBlock): Promise<boolean> {
    return this.database.transaction(async ({ sql }) => {
      const moved = await sql(moveFinal, [chainId, block.number, block.hash]);
      if (moved.length === 0) return false;
      await sql(forgetBelow, [chainId, block.number]);
      const event = createEvent({
        id: randomUUID(),
        type: 'settlement.finalized',
        occurredAt: new Date(),
        causationId: null,
        data: { chainId, block: blockRef(block) },
      });
      await emitEvents(sql, 'settlement', [event]);
      return true;
    });
  }

  /** Keeps what is known of blocks within bounds where nothing becomes final. */
  async forgetOldest(chainId: ChainId, cursor: BlockId): Promise<void> {
    await this.database.sql(forgetBelow, [chainId, cursor.number - BigInt(knownMax)]);
  }
}

/** What blocks say, with the rows that it is about, locked. */
type Locked = {
  readonly open: readonly BatchEnd[];
  readonly rows: WatchedRows;
  readonly findings: readonly Finding[];
};

async function lock(sql: Sql, applied: Applied): Promise<Locked> {
  const findings = [...applied.ended.flatMap((each) => each.findings), ...applied.findings];
  const ends = applied.ended.map(({ end }) => end);
  const [open, rows] = await Promise.all([lockOpen(sql, ends), lockFound(sql, findings)]);
  return { open, rows, findings };
}

async function write(sql: Sql, { open, rows, findings }: Locked): Promise<readonly Outcome[]> {
  const { filled, written } = writeEnds(sql, open);
  const [outcomes] = await Promise.all([writeOutcomes(sql, applyAll(rows, findings), filled), written]);
  return outcomes;
}

/** Blocks that a reorganization can be traced back through, at most. */
const knownMax = 10_000;

type CursorRow = {
  readonly block_number: string;
  readonly block_hash: Hex;
  readonly final_number: string;
};

type BlockRow = { readonly block_number: string; readonly block_hash: Hex };

function blockIdOf(row: BlockRow): BlockId {
  return { number: BigInt(row.block_number), hash: row.block_hash };
}

const readCursor = `
  SELECT block_number::text, block_hash, final_number::text FROM settlement.follower_cursor WHERE chain_id = $1`;

const createCursor = `
  WITH created AS (
    INSERT INTO settlement.follower_cursor (chain_id, block_number, block_hash) VALUES ($1, $2::bigint, $3)
    ON CONFLICT (chain_id) DO NOTHING RETURNING chain_id, block_number, block_hash)
  INSERT INTO settlement.block (chain_id, block_number, block_hash) SELECT chain_id, block_number, block_hash FROM created`;

const moveCursor = `
  WITH moved AS (
    UPDATE settlement.follower_cursor SET block_number = $4::bigint, block_hash = $5, updated_at = now()
    WHERE chain_id = $1 AND block_number = $2::bigint AND block_hash = $3 RETURNING chain_id, block_number, block_hash)
  INSERT INTO settlement.block (chain_id, block_number, block_hash) SELECT chain_id, block_number, block_hash FROM moved
  RETURNING chain_id`;

const holdCursor = `
  SELECT chain_id FROM settlement.follower_cursor
  WHERE chain_id = $1 AND block_number = $2::bigint AND block_hash = $3 FOR NO KEY UPDATE`;

const readKnownAt = `
  SELECT block_number::text, block_hash FROM settlement.block WHERE chain_id = $1 AND block_number <= $2::bigint
  ORDER BY settlement.block.block_number DESC LIMIT 1`;

const readKnown = `
  SELECT block_number::text, block_hash FROM settlement.block WHERE chain_id = $1
  ORDER BY settlement.block.block_number DESC LIMIT $2::int`;

/** The final block stays known: it is the last that a reorganization is traced back to. */
const moveFinal = `
  WITH moved AS (
    UPDATE settlement.follower_cursor c SET final_number = $2::bigint, updated_at = now()
    WHERE c.chain_id = $1 AND c.final_number < $2::bigint AND c.block_number >= $2::bigint
      AND NOT EXISTS (SELECT FROM settlement.block b
                      WHERE b.chain_id = $1 AND b.block_number = $2::bigint AND b.block_hash <> $3)
    RETURNING c.chain_id),
  known AS (
    INSERT INTO settlement.block (chain_id, block_number, block_hash) SELECT chain_id, $2::bigint, $3 FROM moved
    ON CONFLICT (chain_id, block_number) DO NOTHING)
  SELECT chain_id FROM moved`;

const forgetBelow = 'DELETE FROM settlement.block WHERE chain_id = $1 AND block_number < $2::bigint';
