import type pg from 'pg';

import type { Discrepancy } from '../src/proof/discrepancy.js';

/** What was done to the books, and by which of the verifier's findings it is located. */
export type Tampering = { readonly what: string; readonly isLocated: (finding: Discrepancy) => boolean };

/** Repeatable chance. */
export class Chance {
  constructor(private state: number) {}

  below(end: number): number {
    this.state = (this.state * 48_271) % 2_147_483_647;
    return this.state % end;
  }

  of<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)] as Item;
  }
}

type Row = Readonly<Record<string, string>>;
type Act = (books: Tamperer) => Promise<Tampering | null>;

const ofTransaction =
  (id: string) =>
  (finding: Discrepancy): boolean =>
    finding.transactionId === id;
const ofPlace =
  (...kinds: readonly Discrepancy['kind'][]) =>
  (place: number) =>
  (finding: Discrepancy): boolean =>
    kinds.includes(finding.kind) && finding.place === place;

/** How each column of a header is changed: to something else that the table's checks let through. */
const headerChanges: Readonly<Record<string, string>> = {
  book: `CASE book WHEN 'F' THEN 'G' ELSE 'F' END`,
  source: `CASE source WHEN 'event' THEN 'journal' ELSE 'event' END`,
  source_event_id: 'gen_random_uuid()',
  event_type: `event_type || 'x'`,
  payment_id: 'gen_random_uuid()',
  chain_transaction: `'0x' || repeat('ab', 32)`,
  effective_at: `effective_at + interval '1 microsecond'`,
  occurred_at: `occurred_at - interval '1 microsecond'`,
  recorded_at: `recorded_at + interval '1 microsecond'`,
  reverses: 'id - 1',
  shard: '(shard + 1) % 1000',
};
const entryChanges: Readonly<Record<string, string>> = {
  amount: 'amount + CASE amount WHEN -1 THEN -1 ELSE 1 END',
  line: 'line + 100',
  layer: `(CASE layer WHEN 'settled' THEN 'inflight' ELSE 'settled' END)::ledger.layer`,
  account_id: `(SELECT a.id FROM ledger.account a WHERE a.id <> entry.account_id ORDER BY a.id LIMIT 1)`,
  asset_id: `(SELECT s.id FROM ledger.asset s WHERE s.id <> entry.asset_id ORDER BY s.id LIMIT 1)`,
  transaction_id: '1000000',
};

/** Changes books as a superuser whom no trigger stops: at random, in a transaction that the caller ends. */
export class Tamperer {
  constructor(
    readonly client: pg.Client,
    readonly chance: Chance,
  ) {}

  async act(): Promise<Tampering> {
    for (;;) {
      const done = await this.chance.of(acts)(this);
      if (done !== null) return done;
    }
  }

  /** A row at random. */
  async row(table: string, columns: string, where = 'true'): Promise<Row> {
    const { rows } = await this.client.query<Row>(
      `SELECT ${columns} FROM ledger.${table} WHERE ${where} ORDER BY ${table === 'account' ? 'id' : '1'}`,
    );
    return this.chance.of(rows);
  }

  /** Two rows at random that differ in their last column; null where these two do not. */
  async pair(table: string, columns: readonly [string, string]): Promise<readonly [Row, Row] | null> {
    const text = `${columns[0]}::text AS key, ${columns[1]}::text AS value`;
    const [one, other] = [await this.row(table, text), await this.row(table, text)];
    return one['value'] === other['value'] || one['key'] === other['key'] ? null : [one, other];
  }

  /** Flips a bit of a byte. */
  flipped(column: string, bytes: number): string {
    const place = this.chance.below(bytes);
    return `set_byte(${column}, ${place}, get_byte(${column}, ${place}) # ${2 ** this.chance.below(8)})`;
  }

  async run(statement: string, values: readonly unknown[]): Promise<void> {
    await this.client.query(statement, [...values]);
  }
}

const acts: readonly Act[] = [
  async (books) => {
    const column = books.chance.of(Object.keys(headerChanges));
    // An event may be in each book once.
    const where = `id > 1${column === 'book' ? ' AND (SELECT count(*) FROM ledger.transaction t WHERE t.source_event_id = transaction.source_event_id) = 1' : ''}`;
    const { id = '' } = await books.row('transaction', 'id::text', where);
    await books.run(`UPDATE ledger.transaction SET ${column} = ${headerChanges[column]} WHERE id = $1`, [id]);
    return { what: `${column} of transaction ${id} changed`, isLocated: ofTransaction(id) };
  },
  async (books) => {
    const column = books.chance.of(Object.keys(entryChanges));
    const { id = '', line = '' } = await books.row('entry', 'transaction_id::text AS id, line::text');
    await books.run(
      `UPDATE ledger.entry SET ${column} = ${entryChanges[column]} WHERE transaction_id = $1 AND line = $2`,
      [id, line],
    );
    return { what: `${column} of line ${line} of transaction ${id} changed`, isLocated: ofTransaction(id) };
  },
  async (books) => {
    const { position = '' } = await books.row('leaf', 'position::text');
    await books.run(`UPDATE ledger.leaf SET hash = ${books.flipped('hash', 32)} WHERE position = $1`, [
      position,
    ]);
    return {
      what: `a bit of leaf ${position} flipped`,
      isLocated: ofPlace('leaf_altered')(Number(position)),
    };
  },
  async (books) => {
    const { size = '' } = await books.row('seal', 'size::text');
    await books.run(`UPDATE ledger.seal SET root = ${books.flipped('root', 32)} WHERE size = $1`, [size]);
    return {
      what: `a bit of the root of size ${size} flipped`,
      isLocated: ofPlace('seal_altered')(Number(size)),
    };
  },
  async (books) => {
    // Of two seals in neighbouring milliseconds, the later cannot move onto the earlier.
    const { size = '' } = await books.row(
      'seal',
      'size::text',
      `NOT EXISTS (SELECT FROM ledger.seal s WHERE s.sealed_at = seal.sealed_at - interval '1 millisecond')`,
    );
    await books.run(
      `UPDATE ledger.seal SET sealed_at = sealed_at - interval '1 millisecond' WHERE size = $1`,
      [size],
    );
    const { next = '' } = await books.row('checkpoint', 'min(size)::text AS next', `size >= ${size}`);
    const isLocated = (finding: Discrepancy): boolean =>
      (finding.kind === 'seal_altered' || finding.kind === 'checkpoint_altered') &&
      [Number(size), Number(next)].includes(finding.place ?? -1);
    return { what: `the time of the seal of size ${size} changed`, isLocated };
  },
  async (books) => {
    const { level = '', index = '' } = await books.row('subtree', 'level::text, index::text');
    await books.run(
      `UPDATE ledger.subtree SET hash = ${books.flipped('hash', 32)} WHERE level = $1 AND index = $2`,
      [level, index],
    );
    const end = (Number(index) + 1) * 2 ** Number(level);
    return { what: `a bit of subtree ${level} ${index} flipped`, isLocated: ofPlace('subtree_altered')(end) };
  },
  async (books) => {
    const { size = '', length = '1' } = await books.row(
      'checkpoint',
      'size::text, length(note)::text AS length',
    );
    const place = 1 + books.chance.below(Number(length));
    await books.run(
      `UPDATE ledger.checkpoint SET note = overlay(note placing
         (CASE substr(note, ${place}, 1) WHEN 'x' THEN 'y' ELSE 'x' END) from ${place} for 1) WHERE size = $1`,
      [size],
    );
    return {
      what: `character ${place} of the checkpoint of size ${size} changed`,
      isLocated: ofPlace('checkpoint_altered')(Number(size)),
    };
  },
  async (books) => {
    const { id = '', account = '' } = await books.row(
      'entry',
      'transaction_id::text AS id, account_id::text AS account',
      `account_id IN (SELECT a.id FROM ledger.account a WHERE a.code ~ ':0x[0-9a-f]{40}$')`,
    );
    await books.run(
      `UPDATE ledger.account SET code = left(code, -1) || CASE right(code, 1) WHEN 'a' THEN 'b' ELSE 'a' END WHERE id = $1`,
      [account],
    );
    return { what: `account ${account} of transaction ${id} renamed`, isLocated: ofTransaction(id) };
  },
  async (books) => {
    const { id = '', line = '' } = await books.row('entry', 'transaction_id::text AS id, line::text');
    await books.run('DELETE FROM ledger.entry WHERE transaction_id = $1 AND line = $2', [id, line]);
    return { what: `line ${line} of transaction ${id} dropped`, isLocated: ofTransaction(id) };
  },
  async (books) => {
    const { id = '' } = await books.row('transaction', 'id::text');
    await books.run('DELETE FROM ledger.transaction WHERE id = $1', [id]);
    return { what: `transaction ${id} dropped`, isLocated: ofTransaction(id) };
  },
  async (books) => {
    const { id = '' } = await books.row('transaction', 'id::text');
    await books.run('DELETE FROM ledger.entry WHERE transaction_id = $1', [id]);
    await books.run('DELETE FROM ledger.leaf WHERE transaction_id = $1', [id]);
    await books.run('DELETE FROM ledger.transaction WHERE id = $1', [id]);
    return {
      what: `transaction ${id} dropped with its lines and leaf`,
      isLocated: ({ kind }) => kind === 'leaf_missing',
    };
  },
  async (books) => {
    const { position = '' } = await books.row('leaf', 'position::text');
    await books.run('DELETE FROM ledger.leaf WHERE position = $1', [position]);
    return { what: `leaf ${position} dropped`, isLocated: ofPlace('leaf_missing')(Number(position)) };
  },
  async (books) => {
    const { size = '', before = '' } = await books.row('seal', 'size::text, first_position::text AS before');
    await books.run('DELETE FROM ledger.seal WHERE size = $1', [size]);
    const { last = '0' } = await books.row('seal', 'max(size)::text AS last');
    const isLast = Number(last) < Number(size);
    return {
      what: `the seal of size ${size} dropped`,
      isLocated: ofPlace(isLast ? 'leaf_beyond_seals' : 'seal_missing')(Number(before)),
    };
  },
  async (books) => {
    const { level = '', index = '' } = await books.row('subtree', 'level::text, index::text');
    await books.run('DELETE FROM ledger.subtree WHERE level = $1 AND index = $2', [level, index]);
    const end = (Number(index) + 1) * 2 ** Number(level);
    return { what: `subtree ${level} ${index} dropped`, isLocated: ofPlace('subtree_altered')(end) };
  },
  async (books) => {
    const pair = await books.pair('leaf', ['position', `encode(hash, 'hex')`]);
    if (pair === null) return null;
    const [one, other] = pair;
    await books.run(`UPDATE ledger.leaf SET hash = decode($2, 'hex') WHERE position = $1`, [
      one['key'],
      other['value'],
    ]);
    await books.run(`UPDATE ledger.leaf SET hash = decode($2, 'hex') WHERE position = $1`, [
      other['key'],
      one['value'],
    ]);
    const isLocated = ofPlace('leaf_altered');
    return {
      what: `the hashes of leaves ${one['key']} and ${other['key']} exchanged`,
      isLocated: (finding) =>
        isLocated(Number(one['key']))(finding) || isLocated(Number(other['key']))(finding),
    };
  },
  async (books) => {
    const pair = await books.pair('leaf', ['position', 'transaction_id']);
    if (pair === null) return null;
    const [one, other] = pair;
    await books.run('UPDATE ledger.leaf SET transaction_id = -1 WHERE position = $1', [one['key']]);
    await books.run('UPDATE ledger.leaf SET transaction_id = $2 WHERE position = $1', [
      other['key'],
      one['value'],
    ]);
    await books.run('UPDATE ledger.leaf SET transaction_id = $2 WHERE position = $1', [
      one['key'],
      other['value'],
    ]);
    return {
      what: `the transactions of leaves ${one['key']} and ${other['key']} exchanged`,
      isLocated: (finding) => finding.place === Number(one['key']) || finding.place === Number(other['key']),
    };
  },
  async (books) => {
    const pair = await books.pair('transaction', ['id', 'recorded_at']);
    if (pair === null) return null;
    const [one, other] = pair;
    for (const [to, from] of [
      [one, other],
      [other, one],
    ] as const)
      await books.run('UPDATE ledger.transaction SET recorded_at = $2 WHERE id = $1', [
        to['key'],
        from['value'],
      ]);
    return {
      what: `the times of transactions ${one['key']} and ${other['key']} exchanged`,
      isLocated: ofTransaction(one['key'] ?? ''),
    };
  },
  async (books) => {
    const { id = '' } = await books.row('transaction', 'id::text');
    await books.run(
      `UPDATE ledger.entry SET line = 1001 - line WHERE transaction_id = $1 AND
         (SELECT count(*) FROM ledger.entry e WHERE e.transaction_id = $1) > 1`,
      [id],
    );
    return { what: `the lines of transaction ${id} reordered`, isLocated: ofTransaction(id) };
  },
  async (books) => {
    const { id = '' } = await books.row('transaction', 'id::text');
    await books.run(
      `INSERT INTO ledger.entry SELECT transaction_id, line + 50, account_id, asset_id, layer, amount FROM ledger.entry
        WHERE transaction_id = $1 UNION ALL
       SELECT transaction_id, line + 90, account_id, asset_id, layer, -amount FROM ledger.entry WHERE transaction_id = $1`,
      [id],
    );
    return { what: `balanced lines added to transaction ${id}`, isLocated: ofTransaction(id) };
  },
  async (books) => {
    const { rows } = await books.client.query<{ id: string }>(
      `INSERT INTO ledger.transaction (book, source, source_event_id, event_type, payment_id, shard, effective_at, occurred_at)
       VALUES ('F', 'event', gen_random_uuid(), 'payment.accepted', gen_random_uuid(), 0, now(), now()) RETURNING id::text`,
    );
    const id = rows[0]?.id ?? '';
    return { what: `transaction ${id} slipped in`, isLocated: ofTransaction(id) };
  },
];
