import { Injectable } from '@nestjs/common';
import type { Database } from '@quittance/database';

import type { Layer, Line } from '../posting/line.js';
import { postingRules } from '../posting/payment-books.repository.js';
import type { Discrepancy } from '../proof/discrepancy.js';
import { verifyBooks, verifyLeaves } from '../proof/verification.repository.js';
import {
  type CheckReport,
  type Drift,
  findingsMax,
  joined,
  type Overdue,
  paymentDrift,
  type PostedPayment,
} from './finding.js';
import type { Bounds, Extent, Range } from './slice.js';

/** How long something may be on a clearing account before somebody should look, in hours. */
const clearingAgeMaxHours = 24;
/** Payments that are read at once when all are. */
const paymentsChunk = 1_000;

const firstUuid = '00000000-0000-0000-0000-000000000000';
const clearingAccount = `(a.code LIKE 'F:transit:%' OR a.code LIKE 'F:authorized:%' OR a.code LIKE 'G:transit:%')`;

type PaymentRow = {
  id: string;
  facts: string;
  lines: { account: string; asset: Line['asset']; layer: Layer; amount: string }[] | null;
};

/** Reads the books again and recomputes what they say. Each statement sees one moment: nothing is locked for it. */
@Injectable()
export class BooksCheckRepository {
  constructor(private readonly database: Database) {}

  async bounds(): Promise<Bounds> {
    const [row] = await this.database.sql<{ transaction: string; account: string; sealed: string }>(
      `SELECT (SELECT coalesce(max(id), 0) FROM ledger.transaction)::text AS transaction,
              (SELECT coalesce(max(id), 0) FROM ledger.account)::text AS account,
              (SELECT coalesce(max(size), 0) FROM ledger.seal)::text AS sealed`,
    );
    const { transaction = '0', account = '0', sealed = '0' } = row ?? {};
    return { transaction: BigInt(transaction), account: BigInt(account), sealed: Number(sealed) };
  }

  /** Looks at the parts of the books that are named, and at all of those that are not. */
  async check(extent: Extent): Promise<CheckReport> {
    return joined([
      await this.transactions(extent.transactions),
      await this.balances(extent.accounts),
      await this.books(),
      await this.payments(extent.payments),
      await this.clearing(extent.transactions),
      await this.seals(extent.leaves),
    ]);
  }

  /** Lines by transaction, asset and layer come to 0; every line has its transaction, account and asset. */
  private async transactions(range: Range | undefined): Promise<CheckReport> {
    const [within, values] = between('transaction_id', range);
    const drift = await this.database.sql<Drift>(
      `(SELECT 'transaction_unbalanced' AS kind, 'transaction ' || transaction_id AS subject,
               format('out of balance by %s of asset %s on layer %s', sum(amount), asset_id, layer) AS detail
          FROM ledger.entry WHERE ${within} GROUP BY transaction_id, asset_id, layer HAVING sum(amount) <> 0
         LIMIT ${findingsMax})
       UNION ALL
       (SELECT 'transaction_without_lines', 'transaction ' || t.id, 'has no lines'
          FROM (SELECT id AS transaction_id, id FROM ledger.transaction) t
         WHERE ${within} AND NOT EXISTS (SELECT FROM ledger.entry e WHERE e.transaction_id = t.id) LIMIT ${findingsMax})
       UNION ALL
       (SELECT CASE WHEN t.id IS NULL THEN 'line_without_transaction' ELSE 'line_misplaced' END,
               format('line %s of transaction %s', e.line, e.transaction_id),
               CASE WHEN t.id IS NULL THEN 'has no transaction'
                    ELSE format('account %s is not one of asset %s in book %s', e.account_id, e.asset_id, t.book) END
          FROM ledger.entry e
          LEFT JOIN ledger.transaction t ON t.id = e.transaction_id
          LEFT JOIN ledger.account a ON a.id = e.account_id
         WHERE ${within} AND (t.id IS NULL OR a.id IS NULL OR a.asset_id <> e.asset_id OR a.book <> t.book)
         LIMIT ${findingsMax})`,
      values,
    );
    const [counted] = await this.database.sql<{ count: string }>(
      `SELECT count(*) FROM (SELECT id AS transaction_id FROM ledger.transaction) t WHERE ${within}`,
      values,
    );
    return { lookedAt: { transactions: Number(counted?.count) }, drift, overdue: [] };
  }

  /** Kept balances are the sums of the lines. */
  private async balances(range: Range | undefined): Promise<CheckReport> {
    const [within, values] = between('account_id', range);
    const [row] = await this.database.sql<{ count: string; drift: Drift[] | null }>(
      `WITH compared AS (
         SELECT account_id, layer, coalesce(b.debit, 0) AS kept_debit, coalesce(b.credit, 0) AS kept_credit,
                coalesce(e.debit, 0) AS debit, coalesce(e.credit, 0) AS credit
           FROM (SELECT account_id, layer, sum(debit) AS debit, sum(credit) AS credit
                   FROM ledger.balance WHERE ${within} GROUP BY account_id, layer) b
           FULL JOIN (SELECT account_id, layer, sum(amount) FILTER (WHERE amount > 0) AS debit,
                             -sum(amount) FILTER (WHERE amount < 0) AS credit
                        FROM ledger.entry WHERE ${within} GROUP BY account_id, layer) e USING (account_id, layer))
       SELECT (SELECT count(*) FROM compared) AS count,
              (SELECT json_agg(f) FROM (
                 SELECT 'balance_differs' AS kind,
                        format('account %s, %s', coalesce(a.code, account_id::text), layer) AS subject,
                        format('kept are %s debit and %s credit, the lines come to %s and %s',
                               kept_debit, kept_credit, debit, credit) AS detail
                   FROM compared LEFT JOIN ledger.account a ON a.id = account_id
                  WHERE kept_debit <> debit OR kept_credit <> credit
                  ORDER BY account_id, layer LIMIT ${findingsMax}) f) AS drift`,
      values,
    );
    return { lookedAt: { balances: Number(row?.count) }, drift: row?.drift ?? [], overdue: [] };
  }

  /** Each book comes to 0 by asset and layer: money is moved, and neither made nor lost. */
  private async books(): Promise<CheckReport> {
    const rows = await this.database.sql<Drift & { excess: string }>(
      `SELECT 'book_unbalanced' AS kind, format('book %s, %s, %s', a.book, s.code, b.layer) AS subject,
              format('debits exceed credits by %s', sum(b.debit - b.credit)) AS detail,
              sum(b.debit - b.credit)::text AS excess
         FROM ledger.balance b JOIN ledger.account a ON a.id = b.account_id JOIN ledger.asset s ON s.id = a.asset_id
        GROUP BY a.book, s.code, b.layer ORDER BY a.book, s.code, b.layer`,
    );
    const drift = rows
      .filter(({ excess }) => excess !== '0')
      .map(({ kind, subject, detail }) => ({ kind, subject, detail }));
    return { lookedAt: { sums: rows.length }, drift: drift.slice(0, findingsMax), overdue: [] };
  }

  /** What stands for a payment is what follows from its facts. */
  private async payments(asked: Extent['payments']): Promise<CheckReport> {
    if (asked !== undefined) return paymentReport(await this.paymentsFrom(asked.from, asked.count));
    const parts: CheckReport[] = [];
    for (let from = firstUuid; ;) {
      const chunk = await this.paymentsFrom(from, paymentsChunk + 1);
      // The last is where the next chunk begins.
      parts.push(paymentReport(chunk.slice(0, paymentsChunk)));
      const next = chunk[paymentsChunk];
      if (next === undefined) return joined(parts);
      from = next.id;
    }
  }

  /**
   * Those that were posted by the rules of now: other rules come to other lines, which is no mistake. OFFSET 0: of books that are
   * new or grow quickly the database knows too little to see that each step is a look-up by key, and reads all lines for each
   * payment.
   */
  private async paymentsFrom(from: string, count: number): Promise<PostedPayment[]> {
    const rows = await this.database.sql<PaymentRow>(
      `SELECT p.id, p.facts,
              (SELECT json_agg(l) FROM (
                 SELECT a.code AS account, s.code AS asset, e.layer, sum(e.amount)::text AS amount
                   FROM (SELECT x.id FROM ledger.transaction x WHERE x.payment_id = p.id AND x.source = 'event' OFFSET 0) t
                  CROSS JOIN LATERAL (SELECT * FROM ledger.entry x WHERE x.transaction_id = t.id OFFSET 0) e
                  CROSS JOIN LATERAL (SELECT x.code FROM ledger.account x WHERE x.id = e.account_id OFFSET 0) a
                  CROSS JOIN LATERAL (SELECT x.code FROM ledger.asset x WHERE x.id = e.asset_id OFFSET 0) s
                  GROUP BY a.code, s.code, e.layer HAVING sum(e.amount) <> 0) l) AS lines
         FROM ledger.payment p WHERE p.id >= $1 AND p.rules = ${postingRules} ORDER BY p.id LIMIT $2`,
      [from, count],
    );
    return rows.map(({ id, facts, lines }) => ({
      id,
      facts,
      posted: (lines ?? []).map((line) => ({ ...line, amount: BigInt(line.amount) })),
    }));
  }

  /** What was sealed is what stands in the books. Seen as of one moment, as sealing goes on. */
  private seals(asked: Extent['leaves']): Promise<CheckReport> {
    return this.database.transaction(async ({ sql }) => {
      await sql('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY');
      if (asked !== undefined) {
        return sealReport(asked.end - asked.first, await verifyLeaves(sql, asked.first, asked.end));
      }
      const { leaves, discrepancies } = await verifyBooks(sql);
      return sealReport(leaves, discrepancies);
    });
  }

  /** Nothing stays on a clearing account for long. What is about no payment is looked at with everything. */
  private async clearing(range: Range | undefined): Promise<CheckReport> {
    const overdue = await this.clearingOfPayments(range);
    if (range === undefined) overdue.push(...(await this.clearingOfNone()));
    return { lookedAt: {}, drift: [], overdue };
  }

  private clearingOfPayments(range: Range | undefined): Promise<Overdue[]> {
    const [within, values] = between('o.id', range);
    const asked = `
      (SELECT DISTINCT o.payment_id FROM ledger.transaction o WHERE ${within}) asked
      CROSS JOIN LATERAL (
        SELECT x.id, x.payment_id, x.effective_at FROM ledger.transaction x
         WHERE x.payment_id = asked.payment_id OFFSET 0) t
      CROSS JOIN LATERAL (SELECT * FROM ledger.entry x WHERE x.transaction_id = t.id OFFSET 0) e
      CROSS JOIN LATERAL (SELECT x.code FROM ledger.account x WHERE x.id = e.account_id OFFSET 0) a`;
    const all = `
      ledger.transaction t
      JOIN ledger.entry e ON e.transaction_id = t.id
      JOIN ledger.account a ON a.id = e.account_id`;
    return this.database.sql<Overdue>(
      `SELECT 'clearing_overdue' AS kind, format('payment %s on %s', t.payment_id, a.code) AS subject,
              format('%s of asset %s, %s, since %s', sum(e.amount), e.asset_id, e.layer,
                     to_char(max(t.effective_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')) AS detail
         FROM ${range === undefined ? all : asked}
        WHERE ${clearingAccount} AND t.payment_id IS NOT NULL
        GROUP BY t.payment_id, a.code, e.asset_id, e.layer
       HAVING sum(e.amount) <> 0 AND max(t.effective_at) < now() - interval '${clearingAgeMaxHours} hours'
        ORDER BY max(t.effective_at) LIMIT ${findingsMax}`,
      values,
    );
  }

  /** Nothing says which line clears which: what left a clearing account since is taken from the oldest that came. */
  private clearingOfNone(): Promise<Overdue[]> {
    const isOld = `t.effective_at < now() - interval '${clearingAgeMaxHours} hours'`;
    const sumWhere = (condition: string): string => `coalesce(sum(e.amount) FILTER (WHERE ${condition}), 0)`;
    return this.database.sql<Overdue>(
      `SELECT 'clearing_overdue' AS kind, format('no payment on %s', code) AS subject,
              format('%s of asset %s, %s, for more than ${clearingAgeMaxHours} hours',
                     old + CASE WHEN old > 0 THEN credits ELSE debits END, asset_id, layer) AS detail
         FROM (SELECT a.code, e.asset_id, e.layer, ${sumWhere(isOld)} AS old,
                      ${sumWhere(`e.amount > 0 AND NOT ${isOld}`)} AS debits, ${sumWhere(`e.amount < 0 AND NOT ${isOld}`)} AS credits
                 FROM ledger.transaction t
                 JOIN ledger.entry e ON e.transaction_id = t.id
                 JOIN ledger.account a ON a.id = e.account_id
                WHERE ${clearingAccount} AND t.payment_id IS NULL
                GROUP BY a.code, e.asset_id, e.layer) s
        WHERE old > 0 AND old + credits > 0 OR old < 0 AND old + debits < 0
        ORDER BY code, asset_id, layer LIMIT ${findingsMax}`,
    );
  }
}

function sealReport(leaves: number, found: readonly Discrepancy[]): CheckReport {
  const drift = found.slice(0, findingsMax).map(({ kind, place, transactionId, detail }): Drift => {
    const where = transactionId === null ? `place ${place ?? 'unknown'}` : `transaction ${transactionId}`;
    return { kind: 'seal_differs', subject: `${kind}, ${where}`, detail };
  });
  return { lookedAt: { leaves }, drift, overdue: [] };
}

function paymentReport(payments: readonly PostedPayment[]): CheckReport {
  const drift = paymentDrift(payments).slice(0, findingsMax);
  return { lookedAt: { payments: payments.length }, drift, overdue: [] };
}

/** A condition with its values. Everything is a text of its own, so that it is planned as such. */
function between(column: string, range: Range | undefined): [string, bigint[]] {
  return range === undefined ? ['true', []] : [`${column} BETWEEN $1 AND $2`, [range.first, range.last]];
}
