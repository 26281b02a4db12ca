import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database, migrate } from '@quittance/database';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '@quittance/embedded';
import type { PaymentEvent } from '@quittance/events';
import pg from 'pg';

import { BooksCheckRepository } from '../src/checker/books-check.repository.js';
import { type PaymentBooks, postEvents, type Posting } from '../src/posting/posting.js';
import { PostingRepository } from '../src/posting/posting.repository.js';
import { PaymentStory } from './payment-events.js';

/** Books that were written before settlements had numbers and transactions had sources, brought up to now. */

const ours = fileURLToPath(new URL('../../../prisma/migrations/', import.meta.url));
const firstNew = '20261128';

let postgres: EmbeddedPostgres;
let client: pg.Client;
let database: Database | undefined;

beforeAll(async () => {
  postgres = await startEmbeddedPostgres();
  const adminUrl = await postgres.database('upgraded');
  client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  const directory = mkdtempSync(join(tmpdir(), 'migrations-'));
  try {
    for (const name of readdirSync(ours).filter((one) => one < firstNew))
      cpSync(join(ours, name), join(directory, name), { recursive: true });
    await migrate({ adminUrl, directory });
  } finally {
    rmSync(directory, { recursive: true });
  }
  for (const story of Object.values(stories)) await writeAsBefore(story);
  await migrate({ adminUrl });
  database = Database.connect({ url: adminUrl, applicationName: 'upgrade-spec' });
}, 90_000);

afterAll(async () => {
  await database?.close();
  await client.end();
  await postgres.stop();
}, 30_000);

function open(): Database {
  if (database === undefined) throw new RangeError('the books are not up to now');
  return database;
}

type Told = { readonly paymentId: string; readonly events: readonly PaymentEvent[] };

function told(name: string, tell: (story: PaymentStory) => readonly PaymentEvent[]): Told {
  const story = new PaymentStory({ name: `before ${name}`, amount: 1_000_000n });
  return { paymentId: story.paymentId, events: tell(story) };
}

const stories = {
  accepted: told('accepted', (story) => [story.accepted()]),
  settled: told('settled', (story) => [
    story.accepted(),
    story.submitted(),
    story.confirmed('us', {}, 'settled'),
  ]),
  failed: told('failed', (story) => [story.accepted(), story.submitted(), story.failed()]),
  again: told('again', (story) => {
    const [accepted, submitted, first] = [
      story.accepted(),
      story.submitted(),
      story.confirmed('us', {}, 'first'),
    ];
    return [accepted, submitted, first, story.reorged(first), story.confirmed('us', {}, 'another')];
  }),
  back: told('back', (story) => {
    const [accepted, submitted, first] = [
      story.accepted(),
      story.submitted(),
      story.confirmed('us', {}, 'back'),
    ];
    // The same block is of the chain again, and an event of its own says so.
    return [accepted, submitted, first, story.reorged(first), story.confirmed('us', null, 'back')];
  }),
  gone: told('gone', (story) => {
    const [accepted, submitted, first] = [
      story.accepted(),
      story.submitted(),
      story.confirmed('other', {}, 'gone'),
    ];
    return [accepted, submitted, first, story.reorged(first)];
  }),
};

/** One header an event and book, as they were posted then. */
async function writeAsBefore({ paymentId, events }: Told): Promise<void> {
  let books: PaymentBooks = { facts: null, posted: [] };
  for (const event of events) {
    const { facts, posted, postings } = postEvents(books, [event]);
    books = { facts, posted };
    for (const posting of postings) await writeHeader(posting);
  }
  await client.query('INSERT INTO ledger.payment (id, facts, rules) VALUES ($1, $2, 1)', [
    paymentId,
    JSON.stringify(books.facts),
  ]);
}

async function writeHeader({ book, event, paymentId, chainTransaction, lines }: Posting): Promise<void> {
  await client.query('INSERT INTO ledger.asset (code) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING', [
    lines.map(({ asset }) => asset),
  ]);
  await client.query(
    `INSERT INTO ledger.account (code, asset_id) SELECT given.code, s.id
       FROM unnest($1::text[], $2::text[]) AS given (code, asset) JOIN ledger.asset s ON s.code = given.asset
     ON CONFLICT DO NOTHING`,
    [lines.map(({ account }) => account), lines.map(({ asset }) => asset)],
  );
  await client.query(
    `WITH header AS (
       INSERT INTO ledger.transaction (book, source_event_id, event_type, payment_id, chain_transaction, shard, effective_at)
       VALUES ($1, $2, $3, $4, $5, 0, $6) RETURNING id)
     INSERT INTO ledger.entry (transaction_id, line, account_id, asset_id, layer, amount)
     SELECT header.id, row_number() OVER (), a.id, a.asset_id, given.layer, given.amount
       FROM header, unnest($7::text[], $8::text[], $9::ledger.layer[], $10::numeric[]) AS given (account, asset, layer, amount)
       JOIN ledger.asset s ON s.code = given.asset JOIN ledger.account a ON a.code = given.account AND a.asset_id = s.id`,
    [
      book,
      event.id,
      event.type,
      paymentId,
      chainTransaction,
      event.occurredAt,
      lines.map(({ account }) => account),
      lines.map(({ asset }) => asset),
      lines.map(({ layer }) => layer),
      lines.map(({ amount }) => amount.toString()),
    ],
  );
}

const settlementsOf = async ({ paymentId }: Told): Promise<unknown> =>
  (
    await client.query(
      `SELECT settlement, log_index, log_turn, encode(log_block, 'hex') AS block FROM ledger.transaction
        WHERE payment_id = $1 AND settlement IS NOT NULL ORDER BY id`,
      [paymentId],
    )
  ).rows;

const settled = (settlement: number, turn = 0): object => ({
  settlement,
  log_index: 3,
  log_turn: turn,
  block: expect.stringMatching(/^[0-9a-f]{64}$/),
});
const takenBack = (settlement: number): object => ({ settlement, log_index: null, log_turn: 0, block: null });

describe('books from before', () => {
  it.each<[keyof typeof stories, readonly object[]]>([
    ['accepted', []],
    ['settled', [settled(1)]],
    ['failed', []],
    ['again', [settled(1), takenBack(-1), settled(2)]],
    ['back', [settled(1), takenBack(-1), settled(2, 1)]],
    ['gone', [settled(1), takenBack(-1)]],
  ])('have their settlements counted: %s', async (name, expected) => {
    expect(await settlementsOf(stories[name])).toEqual(expected);
    const { rows } = await client.query<{ settlement: number }>(
      'SELECT settlement FROM ledger.payment WHERE id = $1',
      [stories[name].paymentId],
    );
    const [last] = expected.slice(-1) as { settlement?: number }[];
    expect(rows[0]?.settlement).toBe(last?.settlement ?? 0);
  });

  it('are right to the check of everything, and wait to be sealed whole', async () => {
    expect((await new BooksCheckRepository(open()).check({})).drift).toEqual([]);
    const { rows } = await client.query<{ waiting: string; headers: string }>(
      `SELECT (SELECT sum(headers) FROM ledger.unsealed) AS waiting, (SELECT count(*) FROM ledger.transaction) AS headers`,
    );
    expect(rows[0]?.waiting).toBe(rows[0]?.headers);
  });

  it('are posted to as any others, and told again take nothing', async () => {
    const postings = new PostingRepository(open());
    const events = Object.values(stories).flatMap((one) => one.events);
    expect(await postings.post({ events, shard: 0 })).toEqual([]);
    const before = await client.query('SELECT count(*) FROM ledger.transaction');
    const story = new PaymentStory({ name: 'before accepted', amount: 1_000_000n });
    const [, submitted, confirmed] = [story.accepted(), story.submitted(), story.confirmed('us')];
    await postings.post({ events: [submitted, confirmed], shard: 0 });
    expect(await settlementsOf(stories.accepted)).toEqual([settled(1)]);
    expect((await client.query('SELECT count(*) FROM ledger.transaction')).rows).not.toEqual(before.rows);
    expect((await new BooksCheckRepository(open()).check({})).drift).toEqual([]);
  });
});
