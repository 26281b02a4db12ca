import type { Database } from '@quittance/database';
import type { ChainId } from '@quittance/money';
import type { PaymentId } from '@quittance/protocol';

import type { AuthorizationLog } from '../chain/settlement-chain.js';
import type { Finding } from '../payment/finding.js';
import type { Outcome } from '../payment/outcome.js';
import type { OutcomeRepository } from '../payment/outcome.repository.js';
import type { BlockRange } from './block-range.js';
import type { MatchedLog } from './survey.js';

/** How far each chain has been read, and what its logs mean to us. */
export class FollowerRepository {
  constructor(
    private readonly database: Database,
    private readonly outcomes: OutcomeRepository,
  ) {}

  /** The last block applied; `first` is stored when the chain has never been followed. */
  async cursor(chainId: ChainId, first: bigint): Promise<bigint> {
    const known = await this.database.sql<{ block_number: string }>(readCursor, [chainId]);
    if (known[0] !== undefined) return BigInt(known[0].block_number);
    await this.database.sql(createCursor, [chainId, first]);
    return this.cursor(chainId, first);
  }

  async match(chainId: ChainId, logs: readonly AuthorizationLog[]): Promise<MatchedLog[]> {
    if (logs.length === 0) return [];
    const rows = await this.database.sql<{ ordinal: number; payment_id: PaymentId; attempt: number | null }>(
      matchLogs,
      [
        chainId,
        logs.map((_, index) => index),
        logs.map(({ asset }) => asset),
        logs.map(({ authorizer }) => authorizer),
        logs.map(({ nonce }) => nonce),
        logs.map(({ transaction }) => transaction),
      ],
    );
    return rows.flatMap(({ ordinal, payment_id: paymentId, attempt }) => {
      const log = logs[ordinal];
      return log === undefined ? [] : [{ log, paymentId, attempt }];
    });
  }

  /**
   * Applies what a range of blocks says and moves the cursor past it, in one transaction. Null when another process has
   * moved the cursor in the meantime: then nothing was applied.
   */
  async advance(
    chainId: ChainId,
    range: BlockRange,
    findings: readonly Finding[],
  ): Promise<readonly Outcome[] | null> {
    return this.database.transaction(async ({ sql }) => {
      const moved = await sql(moveCursor, [chainId, range.fromBlock - 1n, range.toBlock]);
      return moved.length === 0 ? null : this.outcomes.applyWithin(sql, findings);
    });
  }
}

const readCursor = 'SELECT block_number::text FROM settlement.follower_cursor WHERE chain_id = $1';

const createCursor = `
  INSERT INTO settlement.follower_cursor (chain_id, block_number) VALUES ($1, $2::bigint) ON CONFLICT (chain_id) DO NOTHING`;

const moveCursor = `
  UPDATE settlement.follower_cursor SET block_number = $3::bigint, updated_at = now()
  WHERE chain_id = $1 AND block_number = $2::bigint RETURNING chain_id`;

const matchLogs = `
  SELECT l.ordinal, p.payment_id::text, a.n AS attempt
  FROM unnest($2::int[], $3::text[], $4::text[], $5::text[], $6::text[]) AS l (ordinal, asset, authorizer, nonce, transaction)
  JOIN settlement.payment p ON p.chain_id = $1 AND p.asset = l.asset AND p.payer = l.authorizer AND p.nonce = l.nonce
  LEFT JOIN settlement.attempt a ON a.payment_id = p.payment_id AND a.hash = l.transaction`;
