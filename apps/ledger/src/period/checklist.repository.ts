import { Injectable } from '@nestjs/common';
import type { Sql } from '@quittance/database';

import type { ChecklistItem } from './period.js';
import type { Period } from './period.schema.js';

/** How long after the last word on it a payment is settled for good on every chain that is used, in minutes. */
const finalityMinutes = 60;
/** A break of at most this many units of its asset keeps nobody from closing. */
const breakValueMax = 0;
/** What an item lists at most. */
const listedMax = 100;

type Listing = { readonly count: string; readonly listed: string[] | null };

/** What the books answer to the checklist, and the check of everything that it rests on. */
export type ComputedChecklist = { readonly items: ChecklistItem[]; readonly checkId: string | null };

/** Asks the books all that must be right before a period is closed for ever. */
@Injectable()
export class ChecklistRepository {
  async compute(sql: Sql, period: Period): Promise<ComputedChecklist> {
    const check = await this.check(sql, period);
    const items = [
      await this.trialBalance(sql, period),
      await this.transit(sql, period),
      await this.suspense(sql, period),
      await this.journals(sql, period),
      await this.reconciliation(sql, period),
      check.item,
      await this.sealed(sql, period),
      await this.checkpoint(sql, period),
    ];
    return { items, checkId: check.id };
  }

  private async trialBalance(sql: Sql, { book, endsAt }: Period): Promise<ChecklistItem> {
    const rows = await sql<{ place: string; excess: string; lines: string }>(
      `SELECT format('%s, %s', s.code, e.layer) AS place, sum(e.amount)::text AS excess, count(*)::text AS lines
         FROM ledger.transaction t
         JOIN ledger.entry e ON e.transaction_id = t.id
         JOIN ledger.asset s ON s.id = e.asset_id
        WHERE t.book = $1 AND t.effective_at < $2 GROUP BY s.code, e.layer ORDER BY s.code, e.layer`,
      [book, endsAt],
    );
    const lines = rows.reduce((sum, row) => sum + BigInt(row.lines), 0n);
    const wrong = rows.filter(({ excess }) => excess !== '0');
    return {
      name: 'trial_balance',
      outcome: wrong.length === 0 ? 'pass' : 'fail',
      detail: `${lines} lines up to the end of the period, summed by asset and layer: ${wrong.length} of ${rows.length} sums are not 0.`,
      listed: wrong.map(({ place, excess }) => `${place}: ${excess}`).slice(0, listedMax),
    };
  }

  /** What was under way at the end of the period is no mistake; what had been for long is to be explained. */
  private async transit(sql: Sql, { book, endsAt }: Period): Promise<ChecklistItem> {
    const { count, listed } = await listing(
      sql,
      `SELECT format('payment %s: %s on %s, %s', t.payment_id, sum(e.amount), a.code, e.layer)
         FROM ledger.account a
         JOIN ledger.entry e ON e.account_id = a.id
         JOIN ledger.transaction t ON t.id = e.transaction_id
        WHERE a.code LIKE $1 || ':transit:%' AND t.book = $1 AND t.effective_at < $2 AND t.payment_id IS NOT NULL
        GROUP BY t.payment_id, a.code, e.asset_id, e.layer
       HAVING sum(e.amount) <> 0 AND max(t.effective_at) < $2::timestamptz - interval '${finalityMinutes} minutes'`,
      [book, endsAt],
    );
    return {
      name: 'transit',
      outcome: count === 0 ? 'pass' : 'explain',
      detail: `${count} payments had been in transit for more than ${finalityMinutes} minutes when the period ended.`,
      listed,
    };
  }

  private async suspense(sql: Sql, { book, endsAt }: Period): Promise<ChecklistItem> {
    const { count, listed } = await listing(
      sql,
      `SELECT format('%s: %s of %s, %s', a.code, sum(e.amount), s.code, e.layer)
         FROM ledger.account a
         JOIN ledger.asset s ON s.id = a.asset_id
         JOIN ledger.entry e ON e.account_id = a.id
         JOIN ledger.transaction t ON t.id = e.transaction_id
        WHERE a.code LIKE $1 || ':suspense:%' AND t.effective_at < $2
        GROUP BY a.code, s.code, e.layer HAVING sum(e.amount) <> 0`,
      [book, endsAt],
    );
    return {
      name: 'suspense',
      outcome: count === 0 ? 'pass' : 'explain',
      detail: `${count} suspense accounts held something at the end of the period.`,
      listed,
    };
  }

  private async journals(sql: Sql, { book, endsAt }: Period): Promise<ChecklistItem> {
    const { count, listed } = await listing(
      sql,
      `SELECT format('journal %s by %s', j.id, j.author) FROM ledger.journal j
        WHERE j.book = $1 AND j.effective_at < $2
          AND NOT EXISTS (SELECT FROM ledger.journal_decision d WHERE d.journal_id = j.id)`,
      [book, endsAt],
    );
    return {
      name: 'journals',
      outcome: count === 0 ? 'pass' : 'fail',
      detail: `${count} journals are dated into the period or before it and not decided: none can be posted there later.`,
      listed,
    };
  }

  /** Whether the chains were compared with the books up to the end of the period, and what they do not agree on. */
  private async reconciliation(sql: Sql, { endsAt }: Period): Promise<ChecklistItem> {
    const name = 'reconciliation';
    const none = 'No chain is compared with the books.';
    if (!(await exists(sql, 'ledger.reconciliation')))
      return { name, outcome: 'not_configured', detail: none, listed: [] };
    const chains = await sql<{ chain: string; until: Date | null; breaks: string[] | null }>(
      `SELECT r.chain_id AS chain, r.last_time AS until,
              (SELECT json_agg(format('break %s: %s, %s of %s', b.id, b.type, b.value, b.asset) ORDER BY b.id)
                 FROM ledger.reconciliation_break b
                WHERE b.chain_id = r.chain_id AND b.state = 'open' AND b.value > ${breakValueMax}
                  AND b.block_number <= coalesce(
                        (SELECT max(l.block_number) FROM ledger.settled_log l
                           JOIN ledger.transaction t ON t.payment_id = l.payment_id
                          WHERE l.chain_id = r.chain_id AND t.effective_at < $1), b.block_number)) AS breaks
         FROM ledger.reconciliation r ORDER BY r.chain_id`,
      [endsAt],
    );
    if (chains.length === 0) return { name, outcome: 'not_configured', detail: none, listed: [] };
    const late = chains.filter(({ until }) => until === null || until < new Date(endsAt));
    const breaks = chains.flatMap((chain) => chain.breaks ?? []);
    return {
      name,
      outcome: late.length + breaks.length === 0 ? 'pass' : 'fail',
      detail: `${chains.length} chains are compared with the books, ${late.length} not yet to the end of the period; ${breaks.length} breaks of it are open.`,
      listed: [
        ...late.map(({ chain, until }) => `${chain}: compared until ${until?.toISOString() ?? 'never'}`),
        ...breaks,
      ].slice(0, listedMax),
    };
  }

  private async check(
    sql: Sql,
    { id: periodId }: Period,
  ): Promise<{ item: ChecklistItem; id: string | null }> {
    const [standing] = await sql<{ read_only: boolean; reason: string }>(
      'SELECT read_only, reason FROM ledger.standing',
    );
    const [last] = await sql<{ id: string; outcome: string; began_at: Date }>(
      `SELECT r.id, c.outcome, r.began_at FROM ledger.check_run r JOIN ledger.check_result c ON c.check_id = r.id
        WHERE r.scope = 'full' AND r.began_at >
              (SELECT max(s.at) FROM ledger.period_step s WHERE s.period_id = $1 AND s.step = 'soft')
        ORDER BY r.began_at DESC LIMIT 1`,
      [periodId],
    );
    const name = 'check';
    const fail = (detail: string): { item: ChecklistItem; id: null } => ({
      item: { name, outcome: 'fail', detail, listed: [] },
      id: null,
    });
    if (standing?.read_only !== false)
      return fail(`The books are read-only: ${standing?.reason ?? 'unknown'}.`);
    if (last === undefined)
      return fail('Everything was not checked since the soft close: POST /checks, and wait for its result.');
    if (last.outcome !== 'green')
      return fail(`The last check of everything, ${last.id}, is ${last.outcome}.`);
    const detail = `Check ${last.id} of everything, begun ${last.began_at.toISOString()}, is green.`;
    return { item: { name, outcome: 'pass', detail, listed: [] }, id: last.id };
  }

  private async sealed(sql: Sql, { book, endsAt }: Period): Promise<ChecklistItem> {
    const { count, listed } = await listing(
      sql,
      `SELECT format('transaction %s', t.id) FROM ledger.transaction t
        WHERE t.book = $1 AND t.effective_at < $2
          AND NOT EXISTS (SELECT FROM ledger.leaf l WHERE l.transaction_id = t.id)`,
      [book, endsAt],
    );
    return {
      name: 'sealed',
      outcome: count === 0 ? 'pass' : 'fail',
      detail: `${count} transactions up to the end of the period are not sealed yet.`,
      listed,
    };
  }

  /** Whether somebody outside can hold us to what is closed. */
  private async checkpoint(sql: Sql, { book, endsAt }: Period): Promise<ChecklistItem> {
    const name = 'checkpoint';
    if (!(await exists(sql, 'ledger.checkpoint'))) {
      return { name, outcome: 'not_configured', detail: 'No checkpoints are signed.', listed: [] };
    }
    const [row] = await sql<{ signed: string | null; needed: string }>(
      `SELECT (SELECT max(c.size) FROM ledger.checkpoint c)::text AS signed,
              (SELECT coalesce(max(l.position) + 1, 0) FROM ledger.leaf l JOIN ledger.transaction t ON t.id = l.transaction_id
                WHERE t.book = $1 AND t.effective_at < $2)::text AS needed`,
      [book, endsAt],
    );
    const { signed = null, needed = '0' } = row ?? {};
    if (signed === null)
      return { name, outcome: 'not_configured', detail: 'No checkpoint was ever signed.', listed: [] };
    return {
      name,
      outcome: BigInt(signed) >= BigInt(needed) ? 'pass' : 'fail',
      detail: `The last signed checkpoint is of ${signed} transactions; those of the period end at ${needed}.`,
      listed: [],
    };
  }
}

/** How many rows a query gives, and the first of them in words. */
async function listing(
  sql: Sql,
  query: string,
  values: readonly unknown[],
): Promise<{ readonly count: number; readonly listed: string[] }> {
  const [row] = await sql<Listing>(
    `WITH found (words) AS MATERIALIZED (${query})
     SELECT (SELECT count(*) FROM found) AS count,
            (SELECT json_agg(words ORDER BY words) FROM (SELECT words FROM found ORDER BY words LIMIT ${listedMax}) shown) AS listed`,
    values,
  );
  return { count: Number(row?.count ?? 0), listed: row?.listed ?? [] };
}

/** Parts of the ledger may not be there: then they have nothing to say. */
async function exists(sql: Sql, table: string): Promise<boolean> {
  const [row] = await sql<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [table]);
  return row?.there === true;
}
