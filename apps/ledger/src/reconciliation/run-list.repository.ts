import { Injectable } from '@nestjs/common';
import type { Database, Sql } from '@quittance/database';

import { type Page, pageOf } from '../http/page.js';
import { SqlFilter } from '../http/sql-filter.js';
import type { ChainStanding, RunsQuery, RunView } from './reconciliation.schema.js';

type RunRow = {
  id: string;
  chain_id: string;
  from_block: string;
  to_block: string;
  next_block: string;
  state: RunView['state'];
  matched: string;
  found: Record<string, number>;
  fault: string | null;
  asked_by: string | null;
  started_at: Date;
  finished_at: Date | null;
};

const columns = `r.id::text AS id, r.chain_id, r.from_block::text, r.to_block::text, r.next_block::text, r.state,
  r.matched::text, r.found, r.fault, r.asked_by, r.started_at, r.finished_at`;

/** Comparisons as people ask for them and read what came of them. */
@Injectable()
export class RunListRepository {
  constructor(private readonly database: Database) {}

  async list({ chain_id: chainId, cursor, limit }: RunsQuery): Promise<Page<RunView>> {
    const filter = new SqlFilter().add('r.chain_id = ?', chainId).add('r.id < ?::bigint', cursor?.[0]);
    const rows = await this.database.sql<RunRow>(
      `SELECT ${columns} FROM ledger.reconciliation_run r ${filter.where} ORDER BY r.id DESC LIMIT ${filter.value(limit + 1)}`,
      filter.values,
    );
    return pageOf({ rows, limit, keys: (row) => [row.id], view: runView });
  }

  async one(id: string): Promise<RunView | null> {
    const [row] = await this.database.sql<RunRow>(
      `SELECT ${columns} FROM ledger.reconciliation_run r WHERE r.id = $1::bigint`,
      [id],
    );
    return row === undefined ? null : runView(row);
  }

  async start(
    sql: Sql,
    run: {
      readonly chainId: string;
      readonly fromBlock: bigint;
      readonly toBlock: bigint;
      readonly by: string;
    },
  ): Promise<RunView> {
    const [row] = await sql<RunRow>(
      `INSERT INTO ledger.reconciliation_run AS r (chain_id, from_block, to_block, next_block, asked_by)
       VALUES ($1, $2::numeric, $3::numeric, $2::numeric, $4) RETURNING ${columns}`,
      [run.chainId, run.fromBlock, run.toBlock, run.by],
    );
    if (row === undefined) throw new RangeError('a run was not written');
    return runView(row);
  }

  /** How far each chain was compared. */
  async standings(): Promise<ChainStanding[]> {
    const rows = await this.database.sql<{
      chain_id: string;
      first_block: string;
      next_block: string;
      last_time: Date | null;
      proved_block: string | null;
      matched: string;
      found: string;
      open: number;
    }>(
      `SELECT r.chain_id, r.first_block::text, r.next_block::text, r.last_time, r.proved_block::text, r.matched::text, r.found::text,
              (SELECT count(*)::integer FROM ledger.reconciliation_break b WHERE b.chain_id = r.chain_id AND b.state = 'open') AS open
         FROM ledger.reconciliation r ORDER BY r.chain_id`,
    );
    return rows.map((row) => ({
      chainId: row.chain_id,
      firstBlock: row.first_block,
      lastBlock: row.next_block === row.first_block ? null : String(BigInt(row.next_block) - 1n),
      lastTime: row.last_time?.toISOString() ?? null,
      provedBlock: row.proved_block,
      matched: row.matched,
      found: row.found,
      openBreaks: row.open,
    }));
  }

  /** Open breaks, counted. */
  async openBreaks(): Promise<{ chain: string; type: string; firstSeenAt: Date; count: number }[]> {
    const rows = await this.database.sql<{ chain: string; type: string; hour: Date; count: number }>(
      `SELECT chain_id AS chain, type, date_trunc('hour', first_seen_at) AS hour, count(*)::integer AS count
         FROM ledger.reconciliation_break WHERE state = 'open' GROUP BY 1, 2, 3`,
    );
    return rows.map(({ chain, type, hour, count }) => ({ chain, type, firstSeenAt: hour, count }));
  }
}

const runView = (row: RunRow): RunView => ({
  id: row.id,
  chainId: row.chain_id,
  fromBlock: row.from_block,
  toBlock: row.to_block,
  nextBlock: row.next_block,
  state: row.state,
  matched: row.matched,
  found: row.found,
  fault: row.fault,
  askedBy: row.asked_by,
  startedAt: row.started_at.toISOString(),
  finishedAt: row.finished_at?.toISOString() ?? null,
});
