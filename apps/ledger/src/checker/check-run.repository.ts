import { Injectable } from '@nestjs/common';
import { Database, type Sql } from '@quittance/database';

import { type Page, pageOf } from '../http/page.js';
import { SqlFilter } from '../http/sql-filter.js';
import type { Check, ChecksQuery } from './check.schema.js';
import { type CheckReport, type Finding, reasonOf, type Scope } from './finding.js';

type CheckRow = {
  readonly id: string;
  readonly scope: Scope;
  readonly actor: string;
  readonly began_at: Date;
  readonly began_at_exactly: string;
  readonly outcome: 'green' | 'drift' | null;
  readonly ended_at: Date | null;
  readonly looked_at: Record<string, number> | null;
  readonly drift: Finding[] | null;
  readonly overdue: Finding[] | null;
};

const oneAtATime = 'ledger.check full';

/** Checks that were asked for, and what came of each. */
@Injectable()
export class CheckRunRepository {
  constructor(private readonly database: Database) {}

  async begin(sql: Sql, { scope, actor }: { readonly scope: Scope; readonly actor: string }): Promise<Check> {
    const [row] = await sql<{ id: string }>(
      'INSERT INTO ledger.check_run (scope, actor) VALUES ($1, $2) RETURNING id',
      [scope, actor],
    );
    const [check] = await sql<CheckRow>(`${select} WHERE r.id = $1`, [row?.id]);
    if (check === undefined) throw new TypeError('a check was written and is not there');
    return view(check);
  }

  beginNow(scope: Scope, actor: string): Promise<Check> {
    return this.begin(this.database.sql, { scope, actor });
  }

  /**
   * The checks of everything that were asked for and have no result: those that were cut short are among them. `work`
   * runs for each, in one process at a time; false where another process is at it.
   */
  forEachPending(work: (id: string) => Promise<void>): Promise<boolean> {
    // Nothing is read or written by this transaction but the lock: what is checked is seen as it comes to be.
    return this.database.transaction(async ({ sql }) => {
      const [held] = await sql<{ held: boolean }>(
        'SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS held',
        [oneAtATime],
      );
      if (held?.held !== true) return false;
      const pending = await this.database.sql<{ id: string }>(
        `SELECT r.id FROM ledger.check_run r
          WHERE r.scope = 'full' AND NOT EXISTS (SELECT FROM ledger.check_result c WHERE c.check_id = r.id)
          ORDER BY r.began_at`,
      );
      for (const { id } of pending) await work(id);
      return true;
    });
  }

  /** Keeps what came of it. With drift the books become read-only in the same transaction. */
  async finish(id: string, scope: Scope, { lookedAt, drift, overdue }: CheckReport): Promise<void> {
    await this.database.transaction(async ({ sql }) => {
      await sql(
        `INSERT INTO ledger.check_result (check_id, outcome, looked_at, drift, overdue)
         VALUES ($1, $2, $3::jsonb, $4::jsonb, $5::jsonb)`,
        [
          id,
          drift.length === 0 ? 'green' : 'drift',
          JSON.stringify(lookedAt),
          JSON.stringify(drift),
          JSON.stringify(overdue),
        ],
      );
      if (drift.length === 0) return;
      // Said once: what is found again while they are read-only already is in the results.
      await sql(
        `SELECT ledger.suspend($1, check_id => $2::uuid) WHERE NOT (SELECT s.read_only FROM ledger.standing s)`,
        [reasonOf(scope, drift), id],
      );
    });
  }

  async one(id: string): Promise<Check | null> {
    const [row] = await this.database.sql<CheckRow>(`${select} WHERE r.id = $1`, [id]);
    return row === undefined ? null : view(row);
  }

  /** Checks, the latest first. */
  async list({ scope, state, cursor, limit }: ChecksQuery): Promise<Page<Check>> {
    const filter = new SqlFilter()
      .add('r.scope = ?', scope)
      .add(`coalesce(c.outcome, 'running') = ?`, state)
      .add('(r.began_at, r.id) < (?::timestamptz, ?::uuid)', cursor?.[0], cursor?.[1]);
    const rows = await this.database.sql<CheckRow>(
      `${select} ${filter.where} ORDER BY r.began_at DESC, r.id DESC LIMIT ${filter.value(limit + 1)}`,
      filter.values,
    );
    return pageOf({ rows, limit, keys: (row) => [row.began_at_exactly, row.id], view });
  }
}

const view = (row: CheckRow): Check => ({
  id: row.id,
  scope: row.scope,
  state: row.outcome ?? 'running',
  actor: row.actor,
  beganAt: row.began_at.toISOString(),
  endedAt: row.ended_at?.toISOString() ?? null,
  lookedAt: row.looked_at,
  drift: row.drift,
  overdue: row.overdue,
});

const select = `
  SELECT r.id, r.scope, r.actor, r.began_at,
         to_char(r.began_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS began_at_exactly,
         c.outcome, c.ended_at, c.looked_at, c.drift, c.overdue
    FROM ledger.check_run r LEFT JOIN ledger.check_result c ON c.check_id = r.id`;
