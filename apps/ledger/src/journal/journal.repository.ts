import { Injectable } from '@nestjs/common';
import { Database, type Sql } from '@quittance/database';

import type { Actor } from '../access/role.js';
import { AssetDirectory } from '../asset/asset-directory.js';
import { type Page, pageOf } from '../http/page.js';
import { SqlFilter } from '../http/sql-filter.js';
import type { Book } from '../posting/account-code.js';
import { EntryPoster } from '../posting/entry-poster.repository.js';
import type { Layer, Line } from '../posting/line.js';
import { type JournalDraft, stateAfter, type Verdict } from './journal.js';
import type { JournalsQuery, JournalView } from './journal.schema.js';

type LineRow = {
  readonly line: number;
  readonly account: string;
  readonly asset: Line['asset'];
  readonly layer: Layer;
  readonly amount: string;
};

type JournalRow = {
  readonly id: string;
  readonly book: Book;
  readonly effective_at: Date;
  readonly reason: string;
  readonly payment_id: string | null;
  readonly reverses: string | null;
  readonly author: string;
  readonly drafted_at: Date;
  readonly drafted_at_exactly: string;
  readonly verdict: Verdict | null;
  readonly actor: string;
  readonly decision_reason: string;
  readonly decided_at: Date;
  readonly transaction_id: string | null;
  readonly lines: readonly LineRow[];
};

/** A transaction as it stands in the books. */
export type PostedTransaction = {
  readonly book: Book;
  readonly paymentId: string | null;
  readonly lines: Line[];
};

export const journalKind = 'journal.manual';
export const reversalKind = 'journal.reversal';

@Injectable()
export class JournalRepository {
  constructor(
    private readonly database: Database,
    private readonly poster: EntryPoster,
    private readonly assets: AssetDirectory,
  ) {}

  /** Accounts outside the chart and assets unknown to the books, of those that lines name. */
  async unknownOf(sql: Sql, lines: readonly Line[]): Promise<{ accounts: string[]; assets: string[] }> {
    const accounts = await sql<{ name: string }>(
      'SELECT DISTINCT name FROM unnest($1::text[]) AS name WHERE ledger.account_class(name) IS NULL ORDER BY name',
      [lines.map(({ account }) => account)],
    );
    const assets = await sql<{ name: string }>(
      `SELECT DISTINCT name FROM unnest($1::text[]) AS name
        WHERE NOT EXISTS (SELECT FROM ledger.asset s WHERE s.code = name) ORDER BY name`,
      [lines.map(({ asset }) => asset)],
    );
    return { accounts: accounts.map(({ name }) => name), assets: assets.map(({ name }) => name) };
  }

  async draft(sql: Sql, draft: JournalDraft, author: Actor): Promise<JournalView> {
    const [row] = await sql<{ id: string }>(
      `INSERT INTO ledger.journal (book, effective_at, reason, payment_id, reverses, author)
       VALUES ($1, $2, $3, $4, $5, $6) RETURNING id`,
      [draft.book, draft.effectiveAt, draft.reason, draft.paymentId, draft.reverses, author.name],
    );
    const id = row?.id ?? '';
    await sql(
      `INSERT INTO ledger.journal_line (journal_id, line, account, asset, layer, amount)
       SELECT $1, line, account, asset, layer, amount
         FROM unnest($2::text[], $3::text[], $4::ledger.layer[], $5::numeric[])
              WITH ORDINALITY AS given (account, asset, layer, amount, line)`,
      [
        id,
        draft.lines.map(({ account }) => account),
        draft.lines.map(({ asset }) => asset),
        draft.lines.map(({ layer }) => layer),
        draft.lines.map(({ amount }) => amount.toString()),
      ],
    );
    return this.written(sql, id);
  }

  /** Notes the verdict; what is approved is posted with it. */
  async decide(
    sql: Sql,
    journal: JournalView,
    decision: { readonly verdict: Verdict; readonly reason: string; readonly actor: Actor },
  ): Promise<JournalView> {
    const { verdict, reason, actor } = decision;
    await sql(
      `INSERT INTO ledger.journal_decision (journal_id, verdict, actor, as_controller, reason)
       VALUES ($1, $2, $3, $4, $5)`,
      [journal.id, verdict, actor.name, actor.roles.includes('controller'), reason],
    );
    if (verdict === 'approved') {
      await this.poster.postWithin(sql, {
        book: journal.book,
        source: 'journal',
        sourceEventId: journal.id,
        kind: journal.reverses === null ? journalKind : reversalKind,
        paymentId: journal.paymentId,
        chainTransaction: null,
        effectiveAt: new Date(journal.effectiveAt),
        reverses: journal.reverses,
        lines: await this.linesOf(sql, journal.id),
      });
    }
    return this.written(sql, journal.id);
  }

  /** Keeps two decisions about one journal apart, and gives it as it stands. */
  async hold(sql: Sql, id: string): Promise<JournalView | null> {
    await sql('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`ledger.journal ${id}`]);
    return this.find(sql, id);
  }

  async find(sql: Sql, id: string): Promise<JournalView | null> {
    const [row] = await sql<JournalRow>(`${select} WHERE j.id = $1`, [id]);
    return row === undefined ? null : this.view(row);
  }

  one(id: string): Promise<JournalView | null> {
    return this.find(this.database.sql, id);
  }

  /** Journals, the latest first. */
  async list({ state, cursor, limit }: JournalsQuery): Promise<Page<JournalView>> {
    const filter = new SqlFilter()
      .add(`coalesce(CASE d.verdict WHEN 'approved' THEN 'posted' ELSE d.verdict END, 'draft') = ?`, state)
      .add('(j.drafted_at, j.id) < (?::timestamptz, ?::uuid)', cursor?.[0], cursor?.[1]);
    const rows = await this.database.sql<JournalRow>(
      `${select} ${filter.where} ORDER BY j.drafted_at DESC, j.id DESC LIMIT ${filter.value(limit + 1)}`,
      filter.values,
    );
    return pageOf({
      rows,
      limit,
      keys: (row) => [row.drafted_at_exactly, row.id],
      view: (row) => this.view(row),
    });
  }

  /** What a transaction of the books holds; null where there is none, or its mirror stands in the books already. */
  async posted(
    sql: Sql,
    transactionId: string,
  ): Promise<(PostedTransaction & { mirror: string | null }) | null> {
    const [row] = await sql<{
      book: Book;
      payment_id: string | null;
      mirror: string | null;
      lines: LineRow[];
    }>(
      `SELECT t.book, t.payment_id, (SELECT m.id::text FROM ledger.transaction m WHERE m.reverses = t.id) AS mirror,
              (SELECT json_agg(json_build_object('account', a.code, 'asset', s.code, 'layer', e.layer,
                                                 'amount', e.amount::text) ORDER BY e.line)
                 FROM ledger.entry e
                 JOIN ledger.account a ON a.id = e.account_id
                 JOIN ledger.asset s ON s.id = e.asset_id
                WHERE e.transaction_id = t.id) AS lines
         FROM ledger.transaction t WHERE t.id = $1`,
      [transactionId],
    );
    if (row === undefined) return null;
    return { book: row.book, paymentId: row.payment_id, mirror: row.mirror, lines: row.lines.map(lineOf) };
  }

  private async linesOf(sql: Sql, id: string): Promise<Line[]> {
    const rows = await sql<LineRow>(
      `SELECT line, account, asset, layer, amount::text AS amount
         FROM ledger.journal_line WHERE journal_id = $1 ORDER BY line`,
      [id],
    );
    return rows.map(lineOf);
  }

  private async written(sql: Sql, id: string): Promise<JournalView> {
    const journal = await this.find(sql, id);
    if (journal === null) throw new TypeError(`journal ${id} was written and is not there`);
    return journal;
  }

  private view(row: JournalRow): JournalView {
    return {
      id: row.id,
      book: row.book,
      state: stateAfter(row.verdict),
      effectiveAt: row.effective_at.toISOString(),
      reason: row.reason,
      paymentId: row.payment_id,
      reverses: row.reverses,
      author: row.author,
      draftedAt: row.drafted_at.toISOString(),
      decision:
        row.verdict === null
          ? null
          : {
              verdict: row.verdict,
              actor: row.actor,
              reason: row.decision_reason,
              decidedAt: row.decided_at.toISOString(),
            },
      transactionId: row.transaction_id,
      lines: row.lines.map(({ asset, ...line }) => ({ ...line, asset: this.assets.view(asset) })),
    };
  }
}

const lineOf = ({ account, asset, layer, amount }: LineRow): Line => ({
  account,
  asset,
  layer,
  amount: BigInt(amount),
});

const select = `
  SELECT j.id, j.book, j.effective_at, j.reason, j.payment_id, j.reverses::text AS reverses, j.author, j.drafted_at,
         to_char(j.drafted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS drafted_at_exactly,
         d.verdict, d.actor, d.reason AS decision_reason, d.decided_at,
         (SELECT t.id::text FROM ledger.transaction t
           WHERE t.source_event_id = j.id AND t.book = j.book AND t.source = 'journal') AS transaction_id,
         (SELECT json_agg(json_build_object('line', l.line, 'account', l.account, 'asset', l.asset, 'layer', l.layer,
                                            'amount', l.amount::text) ORDER BY l.line)
            FROM ledger.journal_line l WHERE l.journal_id = j.id) AS lines
    FROM ledger.journal j LEFT JOIN ledger.journal_decision d ON d.journal_id = j.id`;
