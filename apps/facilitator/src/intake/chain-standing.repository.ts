import type { Database, Sql } from '@quittance/database';
import { type ChainId, parseChainId } from '@quittance/money';

import { storableText } from '../payment/payment.js';
import type { ChainNews } from './chain-news.js';
import type { ChainStanding } from './intake.js';

const detailLengthMax = 500;

/** What the database knows of chains as a whole. */
export class ChainStandings {
  constructor(private readonly database: Pick<Database, 'sql'>) {}

  /** Whether each chain settles, and how many of its payments are undecided, counted no further than a maximum. */
  async read(chainIds: readonly ChainId[], undecidedMax: number): Promise<ChainStanding[]> {
    const rows = await this.database.sql<StandingRow>(
      `SELECT asked.chain_id, c.suspended_reason,
              (SELECT count(*) FROM (
                 SELECT FROM facilitator.payment p
                  WHERE p.chain_id = asked.chain_id AND p.state IN ('accepted', 'submitted') LIMIT $2) AS open)::int AS undecided
         FROM unnest($1::text[]) AS asked (chain_id) LEFT JOIN facilitator.chain c ON c.chain_id = asked.chain_id`,
      [chainIds, undecidedMax],
    );
    return rows.map((row) => ({
      chainId: parseChainId(row.chain_id),
      isSuspended: row.suspended_reason !== null,
      undecided: row.undecided,
    }));
  }

  /** The last block of a chain that is final, or null while none is known to be. */
  async finalBlock(chainId: ChainId): Promise<bigint | null> {
    const [row] = await this.database.sql<{ final_block: string | null }>(
      'SELECT final_block::text AS final_block FROM facilitator.chain WHERE chain_id = $1',
      [chainId],
    );
    return row === undefined || row.final_block === null ? null : BigInt(row.final_block);
  }
}

type StandingRow = {
  readonly chain_id: string;
  readonly suspended_reason: string | null;
  readonly undecided: number;
};

/** Writes what is new of chains in one statement; what is older than what is known changes nothing. */
export async function keepChainNews(sql: Sql, news: readonly ChainNews[]): Promise<void> {
  if (news.length === 0) return;
  await sql(
    `INSERT INTO facilitator.chain AS c (chain_id, final_block, suspended_reason, suspended_detail, suspension_changed_at)
     SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::timestamptz[])
     ON CONFLICT (chain_id) DO UPDATE
       SET final_block = greatest(c.final_block, excluded.final_block),
           (suspended_reason, suspended_detail, suspension_changed_at) = (
             SELECT newest.reason, newest.detail, newest.changed_at FROM (VALUES
               (c.suspended_reason, c.suspended_detail, c.suspension_changed_at, 1),
               (excluded.suspended_reason, excluded.suspended_detail, excluded.suspension_changed_at, 2)
             ) AS newest (reason, detail, changed_at, came)
             ORDER BY newest.changed_at DESC NULLS LAST, newest.came DESC LIMIT 1)`,
    [
      news.map(({ chainId }) => chainId),
      news.map(({ finalBlock }) => finalBlock?.toString(10) ?? null),
      news.map(({ suspension }) => suspension?.reason ?? null),
      news.map(({ suspension }) => storableDetail(suspension?.detail)),
      news.map(({ suspension }) => suspension?.changedAt.toISOString() ?? null),
    ],
  );
}

function storableDetail(detail: string | null | undefined): string | null {
  return detail === null || detail === undefined ? null : storableText(detail, detailLengthMax);
}
