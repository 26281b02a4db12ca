import pg from 'pg';

const tables = { payment: 'id', transaction: 'id', entry: 'transaction_id, line' } as const;

/** Tables with the columns of the books and nothing else than primary keys: no guard, trigger, balance, proof or sum. */
export async function createBareBooks(adminUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    await client.query('CREATE SCHEMA bare; GRANT USAGE ON SCHEMA bare TO quittance_ledger');
    for (const [table, key] of Object.entries(tables))
      await client.query(
        `CREATE TABLE bare.${table} (LIKE ledger.${table} INCLUDING DEFAULTS INCLUDING IDENTITY, PRIMARY KEY (${key}));
         GRANT SELECT, INSERT ON bare.${table} TO quittance_ledger`,
      );
  } finally {
    await client.end();
  }
}

/** Processes of the server that writers are connected to. */
export async function backendsOfWriters(adminUrl: string): Promise<number[]> {
  const rows = await ask<{ pid: number }>(
    adminUrl,
    `SELECT pid FROM pg_stat_activity WHERE application_name = 'quittance_ledger_load'`,
  );
  return rows.map(({ pid }) => pid);
}

/** Whether all that is posted is sealed, and each full block summed up. */
export async function isAllSealed(adminUrl: string): Promise<boolean> {
  const [row] = await ask<{ done: boolean }>(
    adminUrl,
    `SELECT NOT EXISTS (SELECT FROM ledger.unsealed)
        AND (SELECT coalesce(max(size), 0) FROM ledger.seal) < (small.next + 1) * 1024
        AND small.next < (large.next + 1) * 128 AS done
       FROM (SELECT coalesce(max(block) + 1, 0) AS next FROM ledger.rollup WHERE level = 0) small,
            (SELECT coalesce(max(block) + 1, 0) AS next FROM ledger.rollup WHERE level = 1) large`,
  );
  return row?.done === true;
}

async function ask<Row extends object>(url: string, statement: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(statement)).rows;
  } finally {
    await client.end();
  }
}
