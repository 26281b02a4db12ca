import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';

import { SealedBooks } from '../../test/sealed-books.js';
import { type Digest, leafDigest } from './digest.js';
import { cover, Frontier } from './merkle-tree.js';
import { canonicalText } from './sealed-transaction.js';
import { readLeaves } from './sealed-transaction.repository.js';
import { SealingRepository } from './sealing.repository.js';
import { digestsOf } from './tree.repository.js';
import { verifyBooks } from './verification.repository.js';

let books: SealedBooks;

beforeAll(async () => {
  books = await SealedBooks.start({ sealedMax: 97 });
}, 60_000);

afterAll(() => books.close());

const ids = async (): Promise<string[]> =>
  (
    await books.database.sql<{ id: string }>('SELECT transaction_id AS id FROM ledger.leaf ORDER BY position')
  ).map(({ id }) => id);
const transactions = async (): Promise<string[]> =>
  (await books.database.sql<{ id: string }>('SELECT id FROM ledger.transaction ORDER BY id')).map(
    ({ id }) => id,
  );
const numbers = (rows: readonly string[]): number[] => rows.map(Number).sort((a, b) => a - b);

let writers = 0;

/** A header and two lines by a connection of its own, in a transaction that stays open. */
async function openWriter(): Promise<pg.Client> {
  const writer = new pg.Client({ connectionString: books.server.serviceUrls.ledger });
  await writer.connect();
  await writer.query('BEGIN');
  // Those that add to the same row of a balance wait for each other.
  writers += 1;
  await writer.query(
    `WITH h AS (
       INSERT INTO ledger.transaction (book, source, source_event_id, event_type, payment_id, shard, effective_at, occurred_at)
       SELECT 'F', 'event', gen_random_uuid(), 'payment.accepted', gen_random_uuid(), ${100 + writers}, now(), now() RETURNING id)
     INSERT INTO ledger.entry (transaction_id, line, account_id, asset_id, layer, amount)
     SELECT h.id, n, (SELECT min(a.id) FROM ledger.account a WHERE a.book = 'F' AND a.asset_id = s.id), s.id,
            'encumbered'::ledger.layer, CASE n WHEN 1 THEN 5 ELSE -5 END
       FROM h, generate_series(1, 2) n, (SELECT id FROM ledger.asset WHERE code LIKE '%erc20%' LIMIT 1) s`,
  );
  return writer;
}

describe('sealing', () => {
  it('finds nothing in empty books', async () => {
    expect(await books.sealing.seal()).toEqual({ outcome: 'nothing' });
    expect(await books.size()).toBe(0);
  });

  it('gives each transaction one dense place, in bounded seals, whatever size statements had', async () => {
    // 5, then 300 in one statement, which is more than a seal takes, then some small ones.
    await books.post(1);
    await books.post(60);
    for (let more = 0; more < 4; more += 1) await books.post(2);
    const size = await books.sealAll();
    expect(size).toBe(5 + 300 + 4 * 10);
    expect(await ids()).toEqual(await transactions());
    const seals = await books.database.sql<{ first: string; size: string }>(
      'SELECT first_position AS first, size FROM ledger.seal ORDER BY size',
    );
    expect(seals.every((seal, place) => seal.first === (seals[place - 1]?.size ?? '0'))).toBe(true);
    expect(Math.max(...seals.map(({ first, size: to }) => Number(to) - Number(first)))).toBeLessThanOrEqual(
      97,
    );
    expect(await books.database.sql('SELECT FROM ledger.unsealed')).toEqual([]);
  });

  it('makes the leaves, the roots of every seal and the kept subtrees that RFC 6962 says', async () => {
    const leaves = await readLeaves(books.database.sql, 0, 100_000);
    expect(leaves).toHaveLength(345);
    expect(leaves.map(({ position }) => position)).toEqual(leaves.map((_, place) => place));
    const tree = new Frontier();
    const roots = new Map<number, Digest>();
    for (const { leaf, transaction } of leaves) {
      expect(transaction && leafDigest(canonicalText(transaction))).toBe(leaf);
      tree.append(leaf);
      roots.set(tree.size, tree.root);
    }
    const seals = await books.database.sql<{ size: string; root: Digest }>(
      `SELECT size, encode(root, 'hex') AS root FROM ledger.seal`,
    );
    for (const { size, root } of seals) expect(root).toBe(roots.get(Number(size)));
    const [first] = await digestsOf(books.database.sql, [{ level: 8, index: 0 }]);
    const bottom = new Frontier();
    for (const { leaf } of leaves.slice(0, 256)) bottom.append(leaf);
    expect(first).toBe(bottom.root);
    expect(await digestsOf(books.database.sql, cover(0, 345))).toHaveLength(cover(0, 345).length);
  });

  it('goes on where another process stopped', async () => {
    await books.post(50);
    const other = new SealingRepository(books.database, 40);
    expect(await other.seal()).toMatchObject({ outcome: 'sealed', transactions: 40, more: true });
    await books.sealAll();
    await books.post(1);
    expect(await other.seal()).toMatchObject({ outcome: 'sealed', transactions: 5, more: false });
    expect((await verifyBooks(books.database.sql)).discrepancies).toEqual([]);
  });

  it('gives what is committed late, with a lower number, a later place, and nothing twice', async () => {
    const writer = await openWriter();
    await books.post(3);
    const before = await books.sealAll();
    await writer.query('COMMIT');
    await writer.end();
    const after = await books.sealAll();
    expect(after).toBe(before + 1);
    const order = await ids();
    expect(Number(order.at(-1))).toBeLessThan(Number(order.at(-2)));
    expect(numbers(order)).toEqual(numbers(await transactions()));
  });

  it('seals what writers wrote among each other, each at its own commit, and what was rolled back never', async () => {
    const [one, two, three] = [await openWriter(), await openWriter(), await openWriter()];
    await books.post(1);
    await three.query('COMMIT');
    await books.sealAll();
    await one.query('ROLLBACK');
    await books.post(1);
    await books.sealAll();
    await two.query('COMMIT');
    await books.sealAll();
    for (const writer of [one, two, three]) await writer.end();
    expect(numbers(await ids())).toEqual(numbers(await transactions()));
    expect((await verifyBooks(books.database.sql)).discrepancies).toEqual([]);
  });

  it('keeps one order when replicas seal at once', async () => {
    const replicas = Array.from({ length: 4 }, () => new SealingRepository(books.database, 7));
    const posting = (async () => {
      for (let batch = 0; batch < 12; batch += 1) await books.post(2);
    })();
    const sealAll = async (replica: SealingRepository): Promise<void> => {
      for (let turn = 0; turn < 25; turn += 1) await replica.seal();
    };
    await Promise.all([posting, ...replicas.map(sealAll)]);
    await books.sealAll();
    expect(numbers(await ids())).toEqual(numbers(await transactions()));
    expect((await verifyBooks(books.database.sql)).discrepancies).toEqual([]);
  });

  it('dates seals by rising time, whatever the clock does', async () => {
    const [row] = await books.database.sql<{ rising: boolean }>(
      `SELECT bool_and(later) AS rising FROM (
         SELECT sealed_at > lag(sealed_at) OVER (ORDER BY size) AS later FROM ledger.seal) s`,
    );
    expect(row?.rising).toBe(true);
  });
});
