import { Injectable } from '@nestjs/common';
import type { Database, Sql } from '@quittance/database';

import type { AssetDirectory } from '../asset/asset-directory.js';
import { type Page, pageOf } from '../http/page.js';
import { SqlFilter } from '../http/sql-filter.js';
import { ageBounds, ageBucketOf, type BreakStanding, type BreakState, type Resolution } from './break.js';
import type { BreaksQuery, BreakView, BreakWithHistory } from './reconciliation.schema.js';

type StandingRow = {
  state: BreakState;
  owner: string | null;
  proposed_resolution: Resolution | null;
  proposed_by: string | null;
  proposal_reason: string | null;
  approved_by: string | null;
  fixed_by: string | null;
};

type BreakRow = StandingRow & {
  id: string;
  chain_id: string;
  type: BreakView['type'];
  block: string;
  block_hash: string | null;
  transaction: string | null;
  asset: string;
  value: string;
  detail: string;
  payment_id: string | null;
  transaction_id: string | null;
  first_seen_at: Date;
  last_seen_at: Date;
  closed_at: Date | null;
};

const columns = `b.id::text AS id, b.chain_id, b.type, b.block_number::text AS block, b.block_hash, b.transaction, b.asset,
  b.value::text AS value, b.detail, b.payment_id, b.transaction_id::text AS transaction_id, b.first_seen_at, b.last_seen_at,
  b.closed_at, b.state, b.owner, b.proposed_resolution, b.proposed_by, b.proposal_reason, b.approved_by, b.fixed_by::text AS fixed_by`;
const changesMax = 1_000;

/** Breaks as people see and end them. */
@Injectable()
export class BreakListRepository {
  constructor(
    private readonly database: Database,
    private readonly assets: AssetDirectory,
  ) {}

  async list(query: BreaksQuery, now: Date): Promise<Page<BreakView>> {
    const { limit, cursor } = query;
    const bounds = query.age === undefined ? null : ageBounds[query.age];
    const before = (ms: number | null | undefined): Date | undefined =>
      ms === null || ms === undefined ? undefined : new Date(now.getTime() - ms);
    const filter = new SqlFilter()
      .add('b.chain_id = ?', query.chain_id)
      .add('b.type = ?', query.type)
      .add('b.state = ?', query.state)
      .add('b.owner = ?', query.owner)
      .add('b.payment_id = ?::uuid', query.payment_id)
      .add('b.transaction = ?', query.chain_transaction)
      .add('b.first_seen_at <= ?::timestamptz', before(bounds?.minMs))
      .add('b.first_seen_at > ?::timestamptz', before(bounds?.maxMs))
      .add('b.id > ?::bigint', cursor?.[0]);
    const rows = await this.database.sql<BreakRow>(
      `SELECT ${columns} FROM ledger.reconciliation_break b ${filter.where} ORDER BY b.id LIMIT ${filter.value(limit + 1)}`,
      filter.values,
    );
    return pageOf({ rows, limit, keys: (row) => [row.id], view: (row) => this.view(row, now) });
  }

  async one(id: string, now: Date): Promise<BreakWithHistory | null> {
    const [row] = await this.database.sql<BreakRow>(
      `SELECT ${columns} FROM ledger.reconciliation_break b WHERE b.id = $1::bigint`,
      [id],
    );
    if (row === undefined) return null;
    const changes = await this.database.sql<StandingRow & { at: Date }>(
      `SELECT at, state, owner, proposed_resolution, proposed_by, proposal_reason, approved_by, fixed_by::text AS fixed_by
         FROM ledger.reconciliation_break_change WHERE break_id = $1::bigint ORDER BY id LIMIT ${changesMax}`,
      [id],
    );
    const history = changes.map((change) => ({ at: change.at.toISOString(), ...standingView(change) }));
    return { ...this.view(row, now), history };
  }

  /** A break that nobody else changes until the transaction ends. */
  async hold(sql: Sql, id: string): Promise<BreakStanding | null> {
    const [row] = await sql<StandingRow>(
      `SELECT state, owner, proposed_resolution, proposed_by, proposal_reason, approved_by, fixed_by::text AS fixed_by
         FROM ledger.reconciliation_break WHERE id = $1::bigint FOR UPDATE`,
      [id],
    );
    return row === undefined ? null : standingOf(row);
  }

  async hasTransaction(sql: Sql, id: string): Promise<boolean> {
    return (await sql('SELECT FROM ledger.transaction WHERE id = $1::bigint', [id])).length > 0;
  }

  async change(
    sql: Sql,
    id: string,
    { standing, now }: { readonly standing: BreakStanding; readonly now: Date },
  ): Promise<BreakView> {
    const { state, owner, proposal, approvedBy, fixedBy } = standing;
    const [row] = await sql<BreakRow>(
      `UPDATE ledger.reconciliation_break b
          SET state = $2, owner = $3, proposed_resolution = $4, proposed_by = $5, proposal_reason = $6, approved_by = $7,
              fixed_by = $8::bigint, closed_at = CASE WHEN $2 = 'open' THEN NULL ELSE coalesce(b.closed_at, clock_timestamp()) END
        WHERE b.id = $1::bigint RETURNING ${columns}`,
      [
        id,
        state,
        owner,
        proposal?.resolution ?? null,
        proposal?.by ?? null,
        proposal?.reason ?? null,
        approvedBy,
        fixedBy,
      ],
    );
    if (row === undefined) throw new RangeError(`break ${id} is not there`);
    return this.view(row, now);
  }

  private view(row: BreakRow, now: Date): BreakView {
    return {
      id: row.id,
      chainId: row.chain_id,
      type: row.type,
      block: row.block,
      blockHash: row.block_hash,
      chainTransaction: row.transaction,
      asset: this.assets.view(row.asset),
      value: row.value,
      detail: row.detail,
      paymentId: row.payment_id,
      transactionId: row.transaction_id,
      firstSeenAt: row.first_seen_at.toISOString(),
      lastSeenAt: row.last_seen_at.toISOString(),
      closedAt: row.closed_at?.toISOString() ?? null,
      age: ageBucketOf(row.first_seen_at, now),
      ...standingView(row),
    };
  }
}

const standingView = (row: StandingRow) => ({
  state: row.state,
  owner: row.owner,
  proposedResolution: row.proposed_resolution,
  proposedBy: row.proposed_by,
  proposalReason: row.proposal_reason,
  approvedBy: row.approved_by,
  fixedBy: row.fixed_by,
});

function standingOf(row: StandingRow): BreakStanding {
  const { state, owner, proposed_resolution: resolution, proposed_by: by, proposal_reason: reason } = row;
  const proposal = resolution === null || by === null || reason === null ? null : { resolution, by, reason };
  return { state, owner, proposal, approvedBy: row.approved_by, fixedBy: row.fixed_by };
}
