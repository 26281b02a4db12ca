import { Injectable } from '@nestjs/common';
import { Database, type Sql } from '@quittance/database';
import type { QuittanceEvent } from '@quittance/events';
import { type EventBatch, takeUnseen } from '@quittance/messaging';

import { UnknownAccountError } from './posting-error.js';
import type { PaymentFacts } from './payment-facts.js';
import type { Line } from './line.js';
import { type PaymentBooks, type PaymentPostings, postEvents, type Posting } from './posting.js';

type EventsByPayment = ReadonlyMap<string, readonly QuittanceEvent[]>;

/**
 * Posts batches of events. Locks are taken in one order everywhere, and sorted within each kind (inbox, payments,
 * assets, accounts, balances), so that batches that meet wait for each other and never in a circle.
 */
@Injectable()
export class PostingRepository {
  /** Accounts that are known to be there: an account is opened once and never removed. */
  #opened = new Set<string>();

  constructor(private readonly database: Database) {}

  /**
   * Posts what the batch's events change, in one transaction; events seen before change nothing.
   *
   * @throws EventContradictsError, MoneyError for an event that cannot be posted; DatabaseUnavailableError and the like.
   */
  async post(batch: EventBatch): Promise<void> {
    const opened = await this.database.transaction(async ({ sql }) => {
      const events = byPayment(await takeUnseen(sql, 'ledger', batch.events));
      if (events.size === 0) return [];
      const results = await postPayments(sql, events);
      const postings = results.flatMap((result) => result.postings);
      const lines = postings.flatMap((posting) => posting.lines);
      const unopened = lines.filter((line) => !this.#opened.has(accountKey(line)));
      if (unopened.length > 0) await openAccounts(sql, unopened);
      if (postings.length > 0) await writePostings(sql, postings, batch.partition);
      return unopened;
    });
    // Only now are they there for sure.
    if (this.#opened.size > openedMax) this.#opened = new Set();
    for (const line of opened) this.#opened.add(accountKey(line));
  }
}

const openedMax = 100_000;
const accountKey = ({ account, asset }: Line): string => `${account} ${asset}`;

/** Sorted by payment id: the order in which their rows are locked. */
function byPayment(events: readonly QuittanceEvent[]): EventsByPayment {
  const groups = Map.groupBy(events, (event) => event.data.paymentId);
  return new Map([...groups].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Most payments of a batch are new: those are written at once, and only the others are locked and read. */
async function postPayments(sql: Sql, events: EventsByPayment): Promise<PaymentPostings[]> {
  const nothing: PaymentBooks = { facts: null, posted: [] };
  const asNew = new Map([...events].map(([id, own]) => [id, postEvents(nothing, own)]));
  const inserted = await insertPayments(sql, asNew);
  const known = [...events.keys()].filter((id) => !inserted.has(id));
  if (known.length === 0) return [...asNew.values()];

  const books = await lockBooks(sql, known);
  const results = new Map(
    known.map((id) => [id, postEvents(books.get(id) ?? nothing, events.get(id) ?? [])]),
  );
  await updatePayments(sql, results);
  return [...events.keys()].flatMap((id) => results.get(id) ?? asNew.get(id) ?? []);
}

async function insertPayments(sql: Sql, results: ReadonlyMap<string, PaymentPostings>): Promise<Set<string>> {
  const rows = await sql<{ id: string }>(
    `INSERT INTO ledger.payment (id, facts)
     SELECT id, facts::json FROM unnest($1::uuid[], $2::text[]) AS given (id, facts) ORDER BY id
     ON CONFLICT (id) DO NOTHING
     RETURNING id`,
    factColumns(results),
  );
  return new Set(rows.map(({ id }) => id));
}

async function lockBooks(sql: Sql, ids: readonly string[]): Promise<Map<string, PaymentBooks>> {
  const locked = await sql<{ id: string; facts: PaymentFacts }>(
    'SELECT id, facts FROM ledger.payment WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE',
    [ids],
  );
  // A statement of its own: it must see what the holder of the locks committed.
  const posted = await sql<{ payment_id: string; amount: string } & Omit<Line, 'amount'>>(
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
  const lines = Map.groupBy(posted, (row) => row.payment_id);
  return new Map(
    locked.map(({ id, facts }) => [
      id,
      { facts, posted: (lines.get(id) ?? []).map((row) => ({ ...row, amount: BigInt(row.amount) })) },
    ]),
  );
}

async function updatePayments(sql: Sql, results: ReadonlyMap<string, PaymentPostings>): Promise<void> {
  await sql(
    `UPDATE ledger.payment p SET facts = given.facts::json, updated_at = clock_timestamp()
       FROM unnest($1::uuid[], $2::text[]) AS given (id, facts) WHERE p.id = given.id`,
    factColumns(results),
  );
}

const factColumns = (results: ReadonlyMap<string, PaymentPostings>): unknown[] => [
  [...results.keys()],
  [...results.values()].map(({ facts }) => JSON.stringify(facts)),
];

/** Headers and all of their lines in one statement: the database refuses lines that come later. */
async function writePostings(sql: Sql, postings: readonly Posting[], shard: number): Promise<void> {
  const lines = postings.flatMap(({ event, book, lines: own }) =>
    own.map((line, index) => ({ ...line, event: event.id, book, number: index + 1 })),
  );
  const [written] = await sql<{ count: number }>(insertPostings, [
    postings.map(({ book }) => book),
    postings.map(({ event }) => event.id),
    postings.map(({ event }) => event.type),
    postings.map(({ event }) => event.data.paymentId),
    postings.map(({ chainTransaction }) => chainTransaction),
    postings.map(({ event }) => event.occurredAt),
    shard,
    lines.map((line) => line.event),
    lines.map((line) => line.book),
    lines.map((line) => line.number),
    lines.map((line) => line.account),
    lines.map((line) => line.asset),
    lines.map((line) => line.layer),
    lines.map((line) => line.amount.toString()),
  ]);
  // A line whose account was not found would be missing without a word.
  if (written?.count !== lines.length) throw new UnknownAccountError(lines.length, written?.count ?? 0);
}

async function openAccounts(sql: Sql, lines: readonly Line[]): Promise<void> {
  await sql(
    `INSERT INTO ledger.asset (code)
     SELECT DISTINCT given.code FROM unnest($1::text[]) AS given (code)
      WHERE NOT EXISTS (SELECT FROM ledger.asset s WHERE s.code = given.code)
      ORDER BY given.code
     ON CONFLICT (code) DO NOTHING`,
    [lines.map((line) => line.asset)],
  );
  await sql(
    `INSERT INTO ledger.account (code, asset_id)
     SELECT DISTINCT given.code, s.id
       FROM unnest($1::text[], $2::text[]) AS given (code, asset) JOIN ledger.asset s ON s.code = given.asset
      WHERE NOT EXISTS (SELECT FROM ledger.account a WHERE a.code = given.code AND a.asset_id = s.id)
      ORDER BY given.code, s.id
     ON CONFLICT (code, asset_id) DO NOTHING`,
    [lines.map((line) => line.account), lines.map((line) => line.asset)],
  );
}

const insertPostings = `
  WITH header AS (
    INSERT INTO ledger.transaction
           (book, source_event_id, event_type, payment_id, chain_transaction, effective_at, shard)
    SELECT given.book, given.event_id, given.type, given.payment_id, given.chain_transaction, given.at, $7::smallint
      FROM unnest($1::text[], $2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::timestamptz[])
           WITH ORDINALITY AS given (book, event_id, type, payment_id, chain_transaction, at, position)
     ORDER BY given.position
    RETURNING id, source_event_id, book
  ), written AS (
    INSERT INTO ledger.entry (transaction_id, line, account_id, asset_id, layer, amount)
    SELECT header.id, given.line, a.id, a.asset_id, given.layer, given.amount
      FROM unnest($8::uuid[], $9::text[], $10::smallint[], $11::text[], $12::text[], $13::ledger.layer[], $14::numeric[])
        AS given (event_id, book, line, account, asset, layer, amount)
      JOIN header ON header.source_event_id = given.event_id AND header.book = given.book
      JOIN ledger.asset s ON s.code = given.asset
      JOIN ledger.account a ON a.code = given.account AND a.asset_id = s.id
    RETURNING 1
  )
  SELECT count(*)::integer AS count FROM written`;
