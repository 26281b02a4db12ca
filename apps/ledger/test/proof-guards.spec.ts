import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { GuardedBooks } from './guard-attack.js';
import { SealedBooks } from './sealed-books.js';

/** Attacks on what is sealed and signed with all that the service's own role can do, and proof of what refuses each. */

let books: SealedBooks;
let guarded: GuardedBooks;
let service: GuardedBooks['service'];

beforeAll(async () => {
  books = await SealedBooks.start({ sealedMax: 100 });
  await books.post(90);
  await books.sealAll();
  await books.checkpoints.sign();
  await books.post(1);
  await books.sealAll();
  await books.post(2);
  guarded = await GuardedBooks.connect(books.server.serviceUrls.ledger, books.server.adminUrl);
  ({ service } = guarded);
}, 60_000);

afterAll(async () => {
  await guarded.close();
  await books.close();
});

beforeEach(async () => {
  await service.query('BEGIN');
});

afterEach(async () => {
  await service.query('ROLLBACK');
});

const without = (removal: string, attack: string): Promise<void> =>
  guarded.without(removal, [attack], { isPart: true });

type Sealing = {
  readonly sealed?: string;
  readonly batches?: string;
  readonly lastId?: string;
  readonly hashes?: string;
  readonly root?: string;
  readonly subtrees?: string;
};

const hash = `'\\x${'5a'.repeat(32)}'::bytea`;
const waiting = 'ARRAY(SELECT u.id FROM ledger.unsealed u ORDER BY u.id)';
const size = '(SELECT max(s.size) FROM ledger.seal s)';

const seal = ({ sealed, batches, lastId, hashes, root, subtrees }: Sealing = {}): string =>
  `SELECT ledger.append_seal(${sealed ?? size}, ${batches ?? waiting},
     ${lastId ?? '(SELECT max(u.last_id) FROM ledger.unsealed u)'},
     ${hashes ?? `decode(repeat('5a', 32 * (SELECT sum(u.headers) FROM ledger.unsealed u)::integer), 'hex')`},
     ${root ?? hash}, ${subtrees ?? `'{}', '{}', '{}'`})`;

const note = (
  of: string,
  root = `(SELECT encode(s.root, 'base64') FROM ledger.seal s WHERE s.size = ${of})`,
): string =>
  `concat(E'books.test/ledger\\n', ${of}, E'\\n', ${root}, E'\\nsealed ', (SELECT to_char(s.sealed_at AT TIME ZONE 'UTC',
     'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') FROM ledger.seal s WHERE s.size = ${of}), E'\\nseals ', repeat('0', 64), E'\\n\\n— x y\\n')`;
const checkpoint = (of: string, text = note(of)): string =>
  `INSERT INTO ledger.checkpoint (size, note, verifier_key)
   SELECT ${of}, ${text}, k.verifier_key FROM ledger.checkpoint_key k LIMIT 1`;

describe('what is sealed', () => {
  it('is sealed by the function alone, and rightly', async () => {
    await expect(service.query(seal())).resolves.toMatchObject({ rowCount: 1 });
    const { rows } = await service.query<{ left: string }>('SELECT count(*) AS left FROM ledger.unsealed');
    expect(rows[0]?.left).toBe('0');
  });

  it.each([
    ['in place of other leaves than there are', seal({ sealed: '0' }), '40001', ''],
    ['as nobody knows how many', seal({ sealed: 'NULL' }), '40001', ''],
    ['out of nothing', seal({ batches: `'{}'`, hashes: `''` }), '23514', 'seal_not_empty'],
    ['what is not queued', seal({ batches: `'{987654}'` }), '23514', 'seal_of_unsealed'],
    ['twice', seal({ batches: `${waiting} || ${waiting}` }), '23514', 'seal_of_unsealed'],
    ['but for none of a statement’s transactions', seal({ lastId: '0' }), '23514', 'seal_of_all'],
    ['without a hash for each', seal({ hashes: hash }), '23514', 'leaf_hash_sha256'],
    [
      'with more hashes than transactions',
      seal({ hashes: `decode(repeat('5a', 32 * 1000), 'hex')` }),
      '23514',
      'seal_hash_each',
    ],
    ['with half a root', seal({ root: `'\\x5a'` }), '23514', 'seal_root_sha256'],
    [
      'with a subtree that is not complete',
      seal({ subtrees: `'{8}', '{1}', ARRAY[${hash}]` }),
      '23514',
      'seal_subtrees',
    ],
    ['with a subtree again', seal({ subtrees: `'{8}', '{0}', ARRAY[${hash}]` }), '23505', 'subtree_pkey'],
    [
      'with a subtree of no level',
      seal({ subtrees: `'{9}', '{0}', ARRAY[${hash}]` }),
      '23514',
      'subtree_level',
    ],
  ])('is not sealed %s', async (...[, attack, code, constraint]) => {
    const refusal = constraint === '' ? { code } : { code, constraint };
    await expect(service.query(attack)).rejects.toMatchObject(refusal);
  });

  it.each(['leaf', 'seal', 'subtree'])('is not put into ledger.%s past the function', async (table) => {
    await expect(
      service.query(`INSERT INTO ledger.${table} SELECT * FROM ledger.${table}`),
    ).rejects.toMatchObject({
      code: '42501',
    });
  });

  it.each([
    'INSERT INTO ledger.unsealed (first_id, last_id, xid, headers) VALUES (1, 1, pg_current_xact_id(), 1)',
    'UPDATE ledger.unsealed SET headers = 1',
    'DELETE FROM ledger.unsealed',
    'TRUNCATE ledger.unsealed',
  ])('is not kept from being sealed: %s', async (attack) => {
    await expect(service.query(attack)).rejects.toMatchObject({ code: '42501' });
  });

  it('is what every statement that posts queues, or nothing would be sealed of it', async () => {
    const post = `INSERT INTO ledger.transaction (book, source, source_event_id, event_type, payment_id, shard, effective_at, occurred_at)
      VALUES ('F', 'event', gen_random_uuid(), 'payment.accepted', gen_random_uuid(), 0, now(), now())`;
    const waitingNow = `SELECT 1 / (count(*) - 3) FROM ledger.unsealed`;
    // Three statements wait before it.
    await service.query(post);
    const { rows } = await service.query<{ n: string }>('SELECT count(*) AS n FROM ledger.unsealed');
    expect(rows[0]?.n).toBe('4');
    await service.query('ROLLBACK');
    await expect(
      without('DROP TRIGGER transaction_9_sealing ON ledger.transaction', `${post}; ${waitingNow}`),
    ).rejects.toMatchObject({ code: '22012' });
  });
});

/** What keeps the order whole: a statement that takes it away, or what of the sealing function stands in its place. */
type Removal = string | { readonly guard: string; readonly by: string };
type WrongOrder = { readonly name: string; readonly attack: string; readonly removals: readonly Removal[] };

const drop = (table: string, ...constraints: readonly string[]): string =>
  `ALTER TABLE ledger.${table} ${constraints.map((one) => `DROP CONSTRAINT ${one} CASCADE`).join(', ')}`;
const never = (guard: string): Removal => ({ guard, by: 'IF false THEN' });
const hashEach = never('IF octet_length(hashes) IS DISTINCT FROM (size - sealed) * 32 THEN');
const subtreesOfThis = never('IF FOUND THEN');
const allButTheLast = `decode(repeat('5a', 32 * (SELECT sum(u.headers) FROM ledger.unsealed u
  WHERE u.id < (SELECT max(l.id) FROM ledger.unsealed l))::integer), 'hex')`;

/** The sequence has no gap, no place twice, and nothing that was posted is left out of it (I13). */
const wrongOrders: readonly WrongOrder[] = [
  {
    name: 'behind a gap',
    attack: seal({ sealed: `${size} + 5` }),
    removals: [never('IF coalesce(before.size, 0) IS DISTINCT FROM sealed THEN')],
  },
  {
    name: 'out of nothing',
    attack: seal({ batches: `'{}'`, hashes: `''` }),
    removals: [drop('seal', 'seal_not_empty', 'seal_pkey')],
  },
  {
    name: 'twice',
    attack: seal({ batches: `${waiting} || ${waiting}` }),
    removals: [never('IF NOT FOUND THEN')],
  },
  {
    name: 'and the rest forgotten',
    attack: seal({ lastId: '0', hashes: allButTheLast }),
    removals: [{ guard: 'ELSIF taken <> batch.headers THEN', by: 'ELSIF false THEN' }],
  },
  {
    name: 'without a hash for each',
    attack: seal({ hashes: hash }),
    removals: [drop('leaf', 'leaf_hash_sha256'), hashEach],
  },
  {
    name: 'with more hashes than transactions',
    attack: seal({ hashes: `decode(repeat('5a', 32 * 1000), 'hex')` }),
    removals: [hashEach],
  },
  {
    name: 'with half a root',
    attack: seal({ root: `'\\x5a'` }),
    removals: [drop('seal', 'seal_root_sha256')],
  },
  {
    name: 'with a subtree that is not complete',
    attack: seal({ subtrees: `'{8}', '{1}', ARRAY[${hash}]` }),
    removals: [subtreesOfThis],
  },
  {
    name: 'with a subtree again',
    attack: seal({ subtrees: `'{8}', '{0}', ARRAY[${hash}]` }),
    removals: [drop('subtree', 'subtree_pkey'), subtreesOfThis],
  },
  {
    name: 'past the function',
    attack: `INSERT INTO ledger.leaf (position, transaction_id, hash) VALUES (987654, 987654, ${hash})`,
    removals: ['GRANT INSERT ON ledger.leaf TO quittance_ledger'],
  },
  {
    name: 'never',
    attack: 'DELETE FROM ledger.unsealed',
    removals: ['GRANT SELECT, DELETE ON ledger.unsealed TO quittance_ledger'],
  },
];

describe('what is posted is not sealed', () => {
  const refusal = { code: expect.stringMatching(/^(23|40|42)/) };

  it.each(wrongOrders)('$name', async ({ attack }) => {
    await expect(service.query(attack)).rejects.toMatchObject(refusal);
  });

  it.each(wrongOrders)('$name: without its guard it would be', async ({ attack, removals }) => {
    const { rows } = await books.superuser.query<{ definition: string }>(
      `SELECT pg_get_functiondef('ledger.append_seal'::regproc) AS definition`,
    );
    let definition = rows[0]?.definition ?? '';
    const statements = removals.flatMap((removal) => {
      if (typeof removal === 'string') return [removal];
      expect(definition.split(removal.guard)).toHaveLength(2);
      definition = definition.replace(removal.guard, removal.by);
      return [];
    });
    await expect(without([...statements, definition].join(';'), attack)).resolves.toBeUndefined();
  });
});

type Attack = {
  readonly name: string;
  readonly attack: string;
  readonly constraint: string;
  readonly removal: string;
};

const attacks: readonly Attack[] = [
  {
    name: 'a root that was not sealed',
    attack: checkpoint(size, note(size, `encode(${hash}, 'base64')`)),
    constraint: 'checkpoint_of_seal',
    removal: 'DROP TRIGGER checkpoint_of_seal ON ledger.checkpoint',
  },
  {
    name: 'another size than it says',
    attack: checkpoint(size, note('300')),
    constraint: 'checkpoint_of_seal',
    removal: 'DROP TRIGGER checkpoint_of_seal ON ledger.checkpoint',
  },
  {
    name: 'books that are called something else',
    attack: checkpoint(size, `replace(${note(size)}, 'books.test', 'books.else')`),
    constraint: 'checkpoint_of_seal',
    removal: 'DROP TRIGGER checkpoint_of_seal ON ledger.checkpoint',
  },
  {
    name: 'an earlier size than is signed already',
    attack: checkpoint('(SELECT min(s.size) FROM ledger.seal s)'),
    constraint: 'checkpoint_rises',
    removal: 'DROP TRIGGER checkpoint_of_seal ON ledger.checkpoint',
  },
  {
    name: 'a key that is none',
    attack: `INSERT INTO ledger.checkpoint_key (verifier_key) VALUES ('name+0011+AAAA')`,
    constraint: 'checkpoint_key_form',
    removal: 'ALTER TABLE ledger.checkpoint_key DROP CONSTRAINT checkpoint_key_form',
  },
];

describe('what is signed is not', () => {
  it.each(attacks)('$name', async ({ attack, constraint }) => {
    await expect(service.query(attack)).rejects.toMatchObject({ code: '23514', constraint });
  });

  it.each(attacks)('$name: without its guard it would be', async ({ attack, removal }) => {
    await expect(without(removal, attack)).resolves.toBeUndefined();
  });

  it('refused when it is right', async () => {
    await expect(service.query(checkpoint(size))).resolves.toMatchObject({ rowCount: 1 });
  });

  it.each([
    ['signed at a time of its own', 'signed_at', 'checkpoint'],
    ['first used at a time of its own', 'first_used', 'checkpoint_key'],
  ])('%s', async (_, column, table) => {
    await expect(
      service.query(`INSERT INTO ledger.${table} (${column}) VALUES (now())`),
    ).rejects.toMatchObject({ code: '42501' });
  });
});

const columns = {
  leaf: 'hash',
  seal: 'root',
  subtree: 'hash',
  checkpoint: 'note',
  checkpoint_key: 'verifier_key',
};
const forever = Object.entries(columns).flatMap(([table, column]) => [
  { table, action: 'UPDATE', attack: `UPDATE ledger.${table} SET ${column} = ${column}` },
  { table, action: 'DELETE', attack: `DELETE FROM ledger.${table}` },
  { table, action: 'TRUNCATE', attack: `TRUNCATE ledger.${table} CASCADE` },
]);
/** What goes with a table when it is emptied, or holds its rows. */
const holders: Readonly<Record<string, readonly string[]>> = {
  seal: ['checkpoint'],
  checkpoint_key: ['checkpoint'],
};

describe('what is sealed and signed stays: neither the privilege nor the trigger lets it go', () => {
  it.each(forever)('$action of ledger.$table', async ({ table, action, attack }) => {
    await expect(service.query(attack)).rejects.toMatchObject({ code: '42501' });
    const tables = [table, ...(action === 'TRUNCATE' ? (holders[table] ?? []) : [])];
    const grants = tables.map((one) => `GRANT ${action} ON ledger.${one} TO quittance_ledger;`).join(' ');
    await expect(without(grants, attack)).rejects.toMatchObject({
      code: '23001',
      constraint: expect.stringMatching(/_append_only$/),
    });
    const drops = tables.map((one) => `DROP TRIGGER ${one}_append_only ON ledger.${one};`).join(' ');
    const unbound = (holders[table] ?? [])
      .map(
        () =>
          'ALTER TABLE ledger.checkpoint DROP CONSTRAINT checkpoint_seal, DROP CONSTRAINT checkpoint_signed_with;',
      )
      .join('');
    await expect(without(`${grants} ${drops} ${unbound}`, attack)).resolves.toBeUndefined();
  });
});
