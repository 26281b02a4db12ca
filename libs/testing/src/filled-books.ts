import pg from 'pg';

/** How much is to be in the books: every payment is four transactions and twelve lines. */
export type BooksToFill = {
  readonly payments: number;
  /** Payments this far apart. */
  readonly stepMs: number;
  readonly startsAt: string;
  readonly merchants: number;
  readonly payers: number;
};

export const linesPerPayment = 12;
export const transactionsPerPayment = 4;
const chunkPayments = 50_000;

const chain = 'eip155:84532';
const relayers = 3;

export const filledBooks = {
  chainId: chain,
  asset: `${chain}/erc20:0x036cbd53842c5426634e7929541ec2318f3dcf7e`,
  native: `${chain}/slip44:60`,
  transit: `F:transit:${chain}`,
  merchant: (number: number): string => `F:merchant:${chain}:${address('1', number)}`,
  payer: (number: number): string => `F:payer:${chain}:${address('2', number)}`,
} as const;

const address = (kind: string, number: number): string => `0x${kind}${number.toString(16).padStart(39, '0')}`;

/**
 * Fills empty books with settled payments, as the postings of their events would be, in the server itself and in the order
 * of time but for one in a hundred that comes late: by minutes, hours or days. Guards do not look: it is meant for measuring
 * reads. Balances, leaves and seals (one for each chunk, a second apart) are made of the lines.
 */
export async function fillBooks(adminUrl: string, books: BooksToFill): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    await client.query("SET session_replication_role = 'replica'");
    await client.query("SET timezone = 'UTC'");
    await client.query("SET maintenance_work_mem = '512MB'");
    await openAccounts(client, books);
    const restoreIndexes = await dropIndexes(client);
    for (let first = 0; first < books.payments; first += chunkPayments) {
      const past = Math.min(first + chunkPayments, books.payments);
      await client.query('BEGIN');
      await client.query(insertTransactions, [first, past, books.stepMs, books.startsAt]);
      await client.query(insertEntries, [first, past, books.merchants, books.payers]);
      await client.query(insertLeaves, [first, past]);
      await client.query(insertSeal, [first, past]);
      await client.query('COMMIT');
    }
    await restoreIndexes();
    await client.query(sumBalances);
    await client.query(`SELECT setval(pg_get_serial_sequence('ledger.transaction', 'id'),
                                      (SELECT max(id) FROM ledger.transaction))`);
    await client.query('ANALYZE');
  } finally {
    await client.end();
  }
}

/** Rows that come in no order would be looked for in every index, one by one: built in the end, they cost a tenth. */
async function dropIndexes(client: pg.Client): Promise<() => Promise<void>> {
  const { rows: constraints } = await client.query<{ table: string; name: string; definition: string }>(
    `SELECT conrelid::regclass::text AS table, conname AS name, pg_get_constraintdef(oid) AS definition
       FROM pg_constraint c WHERE contype IN ('p', 'u') AND conrelid = ANY ($1::regclass[])
        -- What foreign keys rest on stays.
        AND NOT EXISTS (SELECT FROM pg_constraint f WHERE f.contype = 'f' AND f.conindid = c.conindid)`,
    [bulkTables],
  );
  for (const { table, name } of constraints)
    await client.query(`ALTER TABLE ${table} DROP CONSTRAINT ${name}`);
  const { rows: indexes } = await client.query<{ name: string; definition: string }>(
    `SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition
       FROM pg_index i WHERE indrelid = ANY ($1::regclass[])
        AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)`,
    [bulkTables],
  );
  for (const { name } of indexes) await client.query(`DROP INDEX ${name}`);
  return async () => {
    for (const { table, name, definition } of constraints) {
      await client.query(`ALTER TABLE ${table} ADD CONSTRAINT ${name} ${definition}`);
    }
    for (const { definition } of indexes) await client.query(definition);
  };
}

const bulkTables = ['ledger.transaction', 'ledger.entry', 'ledger.leaf'];

async function openAccounts(client: pg.Client, { merchants, payers }: BooksToFill): Promise<void> {
  await client.query(
    `INSERT INTO ledger.asset (id, code) OVERRIDING SYSTEM VALUE VALUES (1, $1), (2, $2) ON CONFLICT DO NOTHING`,
    [filledBooks.asset, filledBooks.native],
  );
  await client.query(
    `INSERT INTO ledger.account (id, code, asset_id) OVERRIDING SYSTEM VALUE
     SELECT * FROM (
       VALUES (1, 'F:authorized:${chain}', 1), (2, 'F:transit:${chain}', 1), (3, 'G:transit:gas:${chain}', 2),
              (4, 'G:expense:gas:${chain}:ok', 2)
       UNION ALL SELECT 10 + n, 'G:wallet:relayer:${chain}:0x3' || lpad(to_hex(n), 39, '0'), 2
                   FROM generate_series(0, ${relayers - 1}) n
       UNION ALL SELECT 100 + n, 'F:merchant:${chain}:0x1' || lpad(to_hex(n), 39, '0'), 1 FROM generate_series(0, $1 - 1) n
       UNION ALL SELECT 100100 + n, 'F:payer:${chain}:0x2' || lpad(to_hex(n), 39, '0'), 1 FROM generate_series(0, $2 - 1) n) a
     ON CONFLICT DO NOTHING`,
    [merchants, payers],
  );
  await client.query(`SELECT setval(pg_get_serial_sequence('ledger.account', 'id'), (SELECT max(id) FROM ledger.account)),
                             setval(pg_get_serial_sequence('ledger.asset', 'id'), (SELECT max(id) FROM ledger.asset))`);
}

/** A number that looks drawn, the same for the same payment. */
const drawn = (salt: number): string => `(hashint8(p.n * 16 + ${salt})::bigint & 2147483647)`;

const late = `CASE WHEN ${drawn(1)} % 1000 < 990 THEN 0 WHEN ${drawn(1)} % 1000 < 998 THEN ${drawn(2)} % 3600000
                   WHEN ${drawn(1)} % 10000 < 9995 THEN ${drawn(2)} % 86400000 ELSE ${drawn(2)} % 864000000 END`;

const insertTransactions = `
  INSERT INTO ledger.transaction (id, book, source, source_event_id, event_type, payment_id, chain_transaction, shard,
                                  effective_at, occurred_at)
  OVERRIDING SYSTEM VALUE
  SELECT t.id, t.book, 'event', t.event_id, t.event_type, t.payment_id, t.hash, 0, t.at, t.at FROM (
  SELECT p.n * 4 + k + 1 AS id, CASE k WHEN 3 THEN 'G' ELSE 'F' END AS book,
         md5('event ' || p.n || ' ' || least(k, 2))::uuid AS event_id,
         (ARRAY['payment.accepted', 'settlement.submitted', 'settlement.confirmed', 'settlement.confirmed'])[k + 1] AS event_type,
         md5('payment ' || p.n)::uuid AS payment_id,
         CASE k WHEN 0 THEN NULL ELSE '0x' || md5('hash ' || p.n) || md5('hash' || p.n) END AS hash,
         greatest($4::timestamptz, $4::timestamptz + (p.n * $3 + k * 400 - ${late}) * interval '1 millisecond') AS at
    FROM generate_series($1::bigint, $2::bigint - 1) AS p (n), generate_series(0, 3) k) t`;

const insertEntries = `
  INSERT INTO ledger.entry (transaction_id, line, account_id, asset_id, layer, amount)
  SELECT p.n * 4 + l.k + 1, l.line, CASE l.account WHEN 'payer' THEN p.payer WHEN 'merchant' THEN p.merchant
                                                 WHEN 'relayer' THEN p.relayer ELSE l.account::bigint END,
         l.asset, l.layer::ledger.layer, l.sign * CASE l.asset WHEN 1 THEN p.amount ELSE p.gas END
    FROM (SELECT p.n, 100100 + ${drawn(3)} % $4::bigint AS payer,
                 -- Some merchants sell much, many little.
                 100 + (($3::bigint - 1) * power(${drawn(4)} / 2147483648.0, 3))::bigint AS merchant,
                 10 + ${drawn(5)} % ${relayers} AS relayer, 1000 + ${drawn(6)} % 5000000 AS amount,
                 60000000000000 + ${drawn(7)} AS gas
            FROM generate_series($1::bigint, $2::bigint - 1) AS p (n)) p,
         (VALUES (0, 1, '1', 1, 'encumbered', 1), (0, 2, 'payer', 1, 'encumbered', -1),
                 (1, 1, '1', 1, 'encumbered', -1), (1, 2, 'payer', 1, 'encumbered', 1),
                 (1, 3, '2', 1, 'inflight', 1), (1, 4, 'payer', 1, 'inflight', -1),
                 (2, 1, '2', 1, 'inflight', -1), (2, 2, 'payer', 1, 'inflight', 1),
                 (2, 3, 'merchant', 1, 'settled', 1), (2, 4, 'payer', 1, 'settled', -1),
                 (3, 1, '4', 2, 'settled', 1), (3, 2, 'relayer', 2, 'settled', -1))
           AS l (k, line, account, asset, layer, sign)`;

/** Positions are nearly in the order of the ids, not quite: the sealed order is its own. */
const insertLeaves = `
  INSERT INTO ledger.leaf (position, transaction_id, hash)
  SELECT $1::bigint * 4 - 1 + row_number() OVER (ORDER BY id + (hashint8(id)::bigint & 63), id), id, sha256(int8send(id))
    FROM generate_series($1::bigint * 4 + 1, $2::bigint * 4) id`;

const insertSeal = `
  INSERT INTO ledger.seal (size, first_position, root, sealed_at)
  SELECT $2::bigint * 4, $1::bigint * 4, sha256(int8send($2)),
         '2001-01-01'::timestamptz + (1 + (SELECT count(*) FROM ledger.seal)) * interval '1 second'`;

const sumBalances = `
  INSERT INTO ledger.balance AS b (account_id, layer, shard, debit, credit)
  SELECT e.account_id, e.layer, 0, coalesce(sum(e.amount) FILTER (WHERE e.amount > 0), 0),
         coalesce(-sum(e.amount) FILTER (WHERE e.amount < 0), 0)
    FROM ledger.entry e GROUP BY e.account_id, e.layer
  ON CONFLICT (account_id, layer, shard) DO UPDATE SET debit = excluded.debit, credit = excluded.credit`;
