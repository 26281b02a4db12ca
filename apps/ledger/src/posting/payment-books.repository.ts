import type { Sql } from '@quittance/database';
import type { PaymentEvent } from '@quittance/events';

import type { Line } from './line.js';
import type { PaymentFacts } from './payment-facts.js';
import { booksOf, type PaymentBooks, type PaymentPostings, postEvents, type Posting } from './posting.js';

type EventsByPayment = ReadonlyMap<string, readonly PaymentEvent[]>;

/**
 * The rules by which lines follow from facts. Kept with the facts: where they were posted by other rules, the books
 * themselves tell what is posted. Raise it whenever the same facts come to other lines.
 */
export const postingRules = 1;

const knownMax = 100_000;
const nothing: PaymentBooks = { facts: null, posted: [] };

/** What is known of each payment, kept by payment; its row is the lock that keeps two transactions apart. */
export class PaymentShelf {
  /** Payments that are known to be there: to try to add them would be for nothing. */
  #known = new Set<string>();

  /** Folds the events into what is known of their payments, and gives what is to be posted. */
  async post(sql: Sql, events: readonly PaymentEvent[]): Promise<Posting[]> {
    if (events.length === 0) return [];
    const told = byPayment(events);
    const asNew = new Map<string, PaymentPostings>();
    for (const [id, own] of told) if (!this.#known.has(id)) asNew.set(id, postEvents(nothing, own));
    const results = await insertPayments(sql, asNew);
    const others = [...told.keys()].filter((id) => !results.has(id));
    if (others.length > 0) {
      const books = await lockBooks(sql, others);
      const changed = others.map((id) => {
        return [id, postEvents(books.get(id) ?? nothing, told.get(id) ?? [])] as const;
      });
      await updatePayments(sql, new Map(changed));
      for (const [id, result] of changed) results.set(id, result);
    }
    return [...told.keys()].flatMap((id) => results.get(id)?.postings ?? []);
  }

  /** To be called once the transaction is committed. */
  keep(events: readonly PaymentEvent[]): void {
    if (this.#known.size > knownMax) this.#known = new Set();
    for (const event of events) this.#known.add(event.data.paymentId);
  }
}

/** Sorted by payment id: the order in which their rows are locked. */
function byPayment(events: readonly PaymentEvent[]): EventsByPayment {
  const groups = Map.groupBy(events, (event) => event.data.paymentId);
  return new Map([...groups].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Those that were new. */
async function insertPayments(
  sql: Sql,
  results: ReadonlyMap<string, PaymentPostings>,
): Promise<Map<string, PaymentPostings>> {
  if (results.size === 0) return new Map();
  const rows = await sql<{ id: string }>(
    `INSERT INTO ledger.payment (id, facts, rules)
     SELECT id, facts::json, ${postingRules} FROM unnest($1::uuid[], $2::text[]) AS given (id, facts) ORDER BY id
     ON CONFLICT (id) DO NOTHING
     RETURNING id`,
    factColumns(results),
  );
  const inserted = new Set(rows.map(({ id }) => id));
  return new Map([...results].filter(([id]) => inserted.has(id)));
}

async function lockBooks(sql: Sql, ids: readonly string[]): Promise<Map<string, PaymentBooks>> {
  const locked = await sql<{ id: string; facts: PaymentFacts; rules: number }>(
    'SELECT id, facts, rules FROM ledger.payment WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE',
    [ids],
  );
  const books = new Map(locked.map(({ id, facts }) => [id, booksOf(facts)]));
  const foreign = locked.filter(({ rules }) => rules !== postingRules);
  if (foreign.length === 0) return books;
  const posted = await postedLines(
    sql,
    foreign.map(({ id }) => id),
  );
  for (const { id, facts } of foreign) books.set(id, { facts, posted: posted.get(id) ?? [] });
  return books;
}

/** What stands in the books. A statement after the locks were taken: it must see what their holders committed. */
async function postedLines(sql: Sql, ids: readonly string[]): Promise<Map<string, Line[]>> {
  const rows = await sql<{ payment_id: string; amount: string } & Omit<Line, 'amount'>>(
    `SELECT t.payment_id, a.code AS account, s.code AS asset, e.layer, sum(e.amount)::text AS amount
       FROM ledger.transaction t
       JOIN ledger.entry e ON e.transaction_id = t.id
       JOIN ledger.account a ON a.id = e.account_id
       JOIN ledger.asset s ON s.id = e.asset_id
      WHERE t.payment_id = ANY ($1::uuid[])
      GROUP BY t.payment_id, a.code, s.code, e.layer
     HAVING sum(e.amount) <> 0`,
    [ids],
  );
  const lines = new Map<string, Line[]>();
  for (const { payment_id: id, amount, ...line } of rows) {
    lines.set(id, [...(lines.get(id) ?? []), { ...line, amount: BigInt(amount) }]);
  }
  return lines;
}

async function updatePayments(sql: Sql, results: ReadonlyMap<string, PaymentPostings>): Promise<void> {
  await sql(
    `UPDATE ledger.payment p
        SET facts = given.facts::json, rules = ${postingRules}, updated_at = clock_timestamp()
       FROM unnest($1::uuid[], $2::text[]) AS given (id, facts) WHERE p.id = given.id`,
    factColumns(results),
  );
}

const factColumns = (results: ReadonlyMap<string, PaymentPostings>): unknown[] => [
  [...results.keys()],
  [...results.values()].map(({ facts }) => JSON.stringify(facts)),
];
