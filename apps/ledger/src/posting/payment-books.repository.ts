import { column, DatabaseConstraintError, type Sql } from '@quittance/database';
import type { PaymentEvent } from '@quittance/events';

import type { Tariff } from '../merchant/tariff.js';
import { type NumberedPosting, settlementAfter } from './header.js';
import type { Line } from './line.js';
import { factsOf, factsText } from './facts-text.js';
import { stateOf } from './payment-facts.js';
import { booksOf, type PaymentBooks, type PaymentPostings, postTogether } from './posting.js';

/**
 * The rules by which lines follow from facts. Kept with the facts: where they were posted by other rules, the books
 * themselves tell what is posted. Raise it whenever the same facts come to other lines.
 */
export const postingRules = 1;

/** Payments under way whose books are remembered: those of some seconds at full speed. One takes about 3 kB. */
const keptMax = 20_000;

/** The books of one payment as they are kept: `version` rises with every change, and is 0 before the first. */
type KeptBooks = PaymentBooks & { readonly version: number; readonly settlement: number };

type Change = { readonly id: string; readonly before: KeptBooks; readonly after: KeptBooks };

/** What is to be written for the payments of a batch, if they are still as they were when it was made. */
export type PaymentPlan = {
  readonly changes: readonly Change[];
  readonly postings: readonly NumberedPosting[];
  /** The events that were not known before. */
  readonly fresh: readonly PaymentEvent[];
};

const nothing: KeptBooks = { facts: null, posted: [], version: 0, settlement: 0 };

/**
 * What is known of each payment. A plan is made of what was read or remembered, without locks; when it is written, the
 * database refuses it if anybody has changed one of its payments since.
 */
export class PaymentShelf {
  /** In the order of use. */
  #kept = new Map<string, KeptBooks>();
  /** Whether events come again: then even payments that are told of from their beginning may be in the books. */
  #isReplay = false;

  constructor(private readonly tariff: Tariff) {}

  /** Folds the events into what is known of their payments. */
  async plan(sql: Sql, events: readonly PaymentEvent[]): Promise<PaymentPlan> {
    const told = byPayment(events);
    const books = await this.booksFor(sql, told);
    const changes: Change[] = [];
    const postings: NumberedPosting[] = [];
    const fresh: PaymentEvent[] = [];
    for (const [id, own] of told) {
      const before = books.get(id) ?? nothing;
      const result = postTogether(before, own, this.tariff);
      if (result.fresh.length === 0) continue;
      fresh.push(...result.fresh);
      const settlement = addPostings(postings, result, before.settlement);
      const { facts, posted } = result;
      changes.push({ id, before, after: { facts, posted, settlement, version: before.version + 1 } });
    }
    return { changes, postings, fresh };
  }

  /** @throws a fault that `isOutdated` knows when the plan no longer fits. */
  write(sql: Sql, { changes }: PaymentPlan): Promise<unknown>[] {
    const added = changes.filter(({ before }) => before.version === 0);
    const changed = changes.filter(({ before }) => before.version > 0);
    return [
      ...(added.length === 0 ? [] : [insertPayments(sql, added)]),
      ...(changed.length === 0 ? [] : [updatePayments(sql, changed)]),
    ];
  }

  /** To be called once the plan is committed. */
  keep({ changes }: PaymentPlan): void {
    for (const { id, after } of changes) {
      if (isUnderWay(after)) this.remember(id, after);
      else this.#kept.delete(id);
    }
    for (const id of this.#kept.keys()) {
      if (this.#kept.size <= keptMax) break;
      this.#kept.delete(id);
    }
  }

  /** To be called when a plan could not be committed: what it was made of may be wrong. */
  forget({ isReplay }: { readonly isReplay: boolean }): void {
    this.#kept = new Map();
    this.#isReplay ||= isReplay;
  }

  private remember(id: string, books: KeptBooks): void {
    this.#kept.delete(id);
    this.#kept.set(id, books);
  }

  /** Payments that a batch tells of from their beginning are taken to be new. */
  private async booksFor(
    sql: Sql,
    told: ReadonlyMap<string, readonly PaymentEvent[]>,
  ): Promise<ReadonlyMap<string, KeptBooks>> {
    const unknown: string[] = [];
    for (const [id, [first]] of told)
      if (!this.#kept.has(id) && (this.#isReplay || first?.type !== 'payment.accepted')) unknown.push(id);
    if (unknown.length === 0) return this.#kept;
    const read = await readBooks(sql, unknown);
    if (read.size === 0) this.#isReplay = false;
    for (const [id, books] of read) this.remember(id, books);
    return this.#kept;
  }
}

/** Of what has ended only a reorganization tells, or an event that comes again: it is read then. */
function isUnderWay({ facts }: PaymentBooks): boolean {
  const state = facts === null ? 'accepted' : stateOf(facts);
  return state === 'accepted' || state === 'submitted';
}

/** Whether a plan failed because somebody else has changed one of its payments since it was made. */
export function isOutdated(fault: unknown): boolean {
  return (
    fault instanceof DatabaseConstraintError &&
    (fault.constraint === 'payment_pkey' || fault.constraint === 'payment_current')
  );
}

/** Sorted by payment id: the order in which their rows are locked. */
function byPayment(events: readonly PaymentEvent[]): ReadonlyMap<string, readonly PaymentEvent[]> {
  const groups = Map.groupBy(events, (event) => event.data.paymentId);
  return new Map([...groups].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Adds the postings of one payment, and gives how often it is settled then. */
function addPostings(all: NumberedPosting[], { postings }: PaymentPostings, before: number): number {
  let settlement = before;
  for (const posting of postings) {
    if (posting.settlement === undefined) all.push({ posting, settlement: null });
    else {
      settlement = settlementAfter(settlement, posting.settlement);
      all.push({ posting, settlement });
    }
  }
  return settlement;
}

async function insertPayments(sql: Sql, changes: readonly Change[]): Promise<void> {
  await sql(
    `INSERT INTO ledger.payment (id, facts, rules, settlement)
     SELECT id, facts, ${postingRules}, settlement FROM unnest($1::uuid[], $2::text[], $3::smallint[])
       AS given (id, facts, settlement)`,
    columnsOf(changes),
  );
}

/** Its rows are locked by rising id, as long as the plan goes by the index: a scan would take them as they lie, and meet others in a circle. */
async function updatePayments(sql: Sql, changes: readonly Change[]): Promise<void> {
  await sql(
    `WITH changed AS (
       UPDATE ledger.payment p
          SET facts = given.facts, rules = ${postingRules}, settlement = given.settlement, version = p.version + 1,
              updated_at = clock_timestamp()
         FROM unnest($1::uuid[], $2::text[], $3::smallint[], $4::integer[]) AS given (id, facts, settlement, version)
        WHERE p.id = given.id AND p.version = given.version
       RETURNING 1
     )
     SELECT ledger.require_current((SELECT count(*) FROM changed), $5)`,
    [...columnsOf(changes), column.int4(changes.map(({ before }) => before.version)), changes.length],
  );
}

const columnsOf = (changes: readonly Change[]): unknown[] => [
  column.uuid(changes.map(({ id }) => id)),
  column.text(changes.map(({ after }) => (after.facts === null ? null : factsText(after.facts)))),
  column.int2(changes.map(({ after }) => after.settlement)),
];

type PaymentRow = { id: string; facts: string; rules: number; version: number; settlement: number };

async function readBooks(sql: Sql, ids: readonly string[]): Promise<Map<string, KeptBooks>> {
  const rows = await sql<PaymentRow>(
    'SELECT id, facts, rules, version, settlement FROM ledger.payment WHERE id = ANY ($1::uuid[])',
    [column.uuid(ids)],
  );
  const foreign = rows.filter(({ rules }) => rules !== postingRules).map(({ id }) => id);
  const posted = foreign.length === 0 ? new Map<string, Line[]>() : await postedLines(sql, foreign);
  return new Map(
    rows.map(({ id, facts: text, rules, version, settlement }) => {
      const facts = factsOf(text);
      const books = rules === postingRules ? booksOf(facts) : { facts, posted: posted.get(id) ?? [] };
      return [id, { ...books, version, settlement }];
    }),
  );
}

/** What stands in the books of payments that were posted by other rules. */
async function postedLines(sql: Sql, ids: readonly string[]): Promise<Map<string, Line[]>> {
  const rows = await sql<{ payment_id: string; amount: string } & Omit<Line, 'amount'>>(
    `SELECT t.payment_id, a.code AS account, s.code AS asset, e.layer, sum(e.amount)::text AS amount
       FROM ledger.transaction t
       JOIN ledger.entry e ON e.transaction_id = t.id
       JOIN ledger.account a ON a.id = e.account_id
       JOIN ledger.asset s ON s.id = e.asset_id
      WHERE t.payment_id = ANY ($1::uuid[]) AND t.source = 'event'
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
