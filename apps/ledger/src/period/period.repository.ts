import { Injectable } from '@nestjs/common';
import { Database, type Sql } from '@quittance/database';

import type { Actor } from '../access/role.js';
import { type Page, pageOf } from '../http/page.js';
import { SqlFilter } from '../http/sql-filter.js';
import type { ChecklistItem, Explanations, PeriodStep } from './period.js';
import type { Period, PeriodsQuery } from './period.schema.js';

type StepRow = {
  readonly step: PeriodStep;
  readonly actor: string;
  readonly reason: string;
  readonly at: string;
  readonly checklist: ChecklistItem[] | null;
  readonly explanations: Record<string, string> | null;
  readonly check_id: string | null;
  readonly seal_size: string | null;
  readonly root: string | null;
};

type PeriodRow = {
  readonly id: string;
  readonly book: Period['book'];
  readonly starts_at: Date | null;
  readonly ends_at: Date;
  readonly state: Period['state'];
  readonly actor: string;
  readonly created_at: Date;
  readonly steps: readonly StepRow[] | null;
};

/** What a hard close leaves behind. */
export type ClosingRecord = {
  readonly checklist: readonly ChecklistItem[];
  readonly explanations: Explanations;
  readonly checkId: string | null;
  readonly seal: { readonly size: string; readonly root: Buffer };
};

/** SHA-256 of nothing: the root of a tree without leaves (RFC 6962). */
const emptyRoot = Buffer.from('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', 'hex');

/** Periods and the steps that were taken with them; the database applies the steps. */
@Injectable()
export class PeriodRepository {
  constructor(private readonly database: Database) {}

  /** Lays down the period of a book that follows the last one. */
  async create(
    sql: Sql,
    { book, endsAt, actor }: { readonly book: string; readonly endsAt: Date; readonly actor: Actor },
  ): Promise<Period> {
    const [row] = await sql<{ id: string }>(
      `INSERT INTO ledger.period (book, starts_at, ends_at, actor)
       SELECT $1, (SELECT max(p.ends_at) FROM ledger.period p WHERE p.book = $1), $2, $3 RETURNING id`,
      [book, endsAt, actor.name],
    );
    return this.written(sql, row?.id ?? '');
  }

  /** Keeps others from posting into a closed period, or taking a step with it, until the transaction ends. */
  async hold(sql: Sql, id: string): Promise<Period | null> {
    await sql('SELECT ledger.hold_period($1)', [id]);
    return this.find(sql, id);
  }

  async step(
    sql: Sql,
    period: Period,
    {
      step,
      reason,
      actor,
    }: { readonly step: 'soft' | 'reopen'; readonly reason: string; readonly actor: Actor },
  ): Promise<Period> {
    await sql('INSERT INTO ledger.period_step (period_id, step, actor, reason) VALUES ($1, $2, $3, $4)', [
      period.id,
      step,
      actor.name,
      reason,
    ]);
    return this.written(sql, period.id);
  }

  async close(
    sql: Sql,
    period: Period,
    closing: { readonly reason: string; readonly actor: Actor; readonly record: ClosingRecord },
  ): Promise<Period> {
    const { reason, actor, record } = closing;
    await sql(
      `INSERT INTO ledger.period_step (period_id, step, actor, reason, checklist, explanations, check_id, seal_size, root)
       VALUES ($1, 'hard', $2, $3, $4::jsonb, $5::jsonb, $6, $7, $8)`,
      [
        period.id,
        actor.name,
        reason,
        JSON.stringify(record.checklist),
        JSON.stringify(record.explanations),
        record.checkId,
        record.seal.size,
        record.seal.root,
      ],
    );
    return this.written(sql, period.id);
  }

  /** Reads that see one moment of the books. */
  atOneMoment<Result>(work: (sql: Sql) => Promise<Result>): Promise<Result> {
    return this.database.transaction(async ({ sql }) => {
      await sql('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY');
      return work(sql);
    });
  }

  /** The latest seal of the books. */
  async seal(sql: Sql): Promise<ClosingRecord['seal']> {
    const [row] = await sql<{ size: string; root: Buffer }>(
      'SELECT size, root FROM ledger.seal ORDER BY size DESC LIMIT 1',
    );
    return row ?? { size: '0', root: emptyRoot };
  }

  async find(sql: Sql, id: string): Promise<Period | null> {
    const [row] = await sql<PeriodRow>(`${select} WHERE p.id = $1`, [id]);
    return row === undefined ? null : view(row);
  }

  one(id: string): Promise<Period | null> {
    return this.find(this.database.sql, id);
  }

  /** Periods, the one laid down last first. */
  async list({ book, state, cursor, limit }: PeriodsQuery): Promise<Page<Period>> {
    const filter = new SqlFilter()
      .add('p.book = ?', book)
      .add('p.state = ?', state)
      .add('p.id < ?::bigint', cursor?.[0]);
    const rows = await this.database.sql<PeriodRow>(
      `${select} ${filter.where} ORDER BY p.id DESC LIMIT ${filter.value(limit + 1)}`,
      filter.values,
    );
    return pageOf({ rows, limit, keys: (row) => [row.id], view });
  }

  private async written(sql: Sql, id: string): Promise<Period> {
    const period = await this.find(sql, id);
    if (period === null) throw new TypeError(`period ${id} was written and is not there`);
    return period;
  }
}

const view = (row: PeriodRow): Period => ({
  id: row.id,
  book: row.book,
  startsAt: row.starts_at?.toISOString() ?? null,
  endsAt: row.ends_at.toISOString(),
  state: row.state,
  actor: row.actor,
  createdAt: row.created_at.toISOString(),
  steps: (row.steps ?? []).map((step) => ({
    step: step.step,
    actor: step.actor,
    reason: step.reason,
    at: new Date(step.at).toISOString(),
    record: recordView(step),
  })),
});

function recordView(step: StepRow): Period['steps'][number]['record'] {
  const { checklist, explanations, check_id: checkId, seal_size: sealSize, root } = step;
  if (checklist === null || explanations === null || checkId === null || sealSize === null || root === null)
    return null;
  const items = checklist.map((item) => ({ ...item, listed: [...item.listed] }));
  return { checklist: items, explanations, checkId, sealSize, root };
}

const select = `
  SELECT p.id::text AS id, p.book, p.starts_at, p.ends_at, p.state, p.actor, p.created_at,
         (SELECT json_agg(json_build_object('step', s.step, 'actor', s.actor, 'reason', s.reason, 'at', s.at,
                   'checklist', s.checklist, 'explanations', s.explanations, 'check_id', s.check_id,
                   'seal_size', s.seal_size::text, 'root', encode(s.root, 'hex')) ORDER BY s.id)
            FROM ledger.period_step s WHERE s.period_id = p.id) AS steps
    FROM ledger.period p`;
