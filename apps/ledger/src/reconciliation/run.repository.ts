import type { Database, Sql } from '@quittance/database';
import type { ChainId } from '@quittance/money';

import type { Finding } from './finding.js';

/** A comparison of a range that somebody asked for. */
export type Run = {
  readonly id: string;
  readonly fromBlock: bigint;
  readonly toBlock: bigint;
  readonly nextBlock: bigint;
  readonly pageBlocks: bigint;
};

type RunRow = { id: string; from_block: string; to_block: string; next_block: string; page_blocks: number };

/** Comparisons that were asked for. */
export class RunRepository {
  constructor(private readonly database: Database) {}

  /** The one that was asked for first and is not done. */
  async next(chainId: ChainId): Promise<Run | null> {
    const [row] = await this.database.sql<RunRow>(
      `SELECT id::text, from_block::text, to_block::text, next_block::text, page_blocks
         FROM ledger.reconciliation_run WHERE chain_id = $1 AND state = 'running' ORDER BY id LIMIT 1`,
      [chainId],
    );
    return row === undefined
      ? null
      : {
          id: row.id,
          fromBlock: BigInt(row.from_block),
          toBlock: BigInt(row.to_block),
          nextBlock: BigInt(row.next_block),
          pageBlocks: BigInt(row.page_blocks),
        };
  }

  /** Says why it does not get on; null when it does. */
  async noteFault(id: string, fault: string | null): Promise<void> {
    await this.database.sql(
      'UPDATE ledger.reconciliation_run SET fault = $2 WHERE id = $1::bigint AND fault IS DISTINCT FROM $2',
      [id, fault],
    );
  }
}

/** Whether a run is still where it was when the work began: else another process did it. */
export async function lockRun(sql: Sql, { id, nextBlock }: Run): Promise<boolean> {
  const [row] = await sql<{ next_block: string; state: string }>(
    'SELECT next_block::text, state FROM ledger.reconciliation_run WHERE id = $1::bigint FOR UPDATE',
    [id],
  );
  return row?.state === 'running' && BigInt(row.next_block) === nextBlock;
}

/** Moves a run on; past its last block it is done. */
export async function advanceRun(
  sql: Sql,
  run: Run,
  page: {
    readonly last: bigint;
    readonly pageBlocks: bigint;
    readonly matched: number;
    readonly found: readonly Finding[];
  },
): Promise<void> {
  const counts = [...Map.groupBy(page.found, ({ type }) => type)].map(([type, all]) => [type, all.length]);
  await sql(
    `UPDATE ledger.reconciliation_run r
        SET next_block = $2::numeric + 1, page_blocks = $3::integer, matched = matched + $4::bigint, fault = NULL,
            found = r.found || coalesce((SELECT jsonb_object_agg(key, value::bigint + coalesce((r.found ->> key)::bigint, 0))
                                           FROM jsonb_each_text($5::jsonb)), '{}'),
            state = CASE WHEN $2::numeric = r.to_block THEN 'done' ELSE r.state END,
            finished_at = CASE WHEN $2::numeric = r.to_block THEN clock_timestamp() END
      WHERE id = $1::bigint`,
    [run.id, page.last, page.pageBlocks, page.matched, JSON.stringify(Object.fromEntries(counts))],
  );
}
