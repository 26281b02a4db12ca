import { queryAt } from '../../books.js';

const tables = { payment: 'id', transaction: 'id', entry: 'transaction_id, line' } as const;

/** Tables with the columns of the books and nothing else than primary keys: no guard, trigger, balance, proof or sum. */
export async function createBareBooks(adminUrl: string): Promise<void> {
  const statements = Object.entries(tables).map(
    ([table, key]) =>
      `CREATE TABLE bare.${table} (LIKE ledger.${table} INCLUDING DEFAULTS INCLUDING IDENTITY, PRIMARY KEY (${key}));
       GRANT SELECT, INSERT ON bare.${table} TO quittance_ledger`,
  );
  await queryAt(
    adminUrl,
    ['CREATE SCHEMA bare', 'GRANT USAGE ON SCHEMA bare TO quittance_ledger', ...statements].join(';'),
  );
}

/** Processes of the server that writers are connected to. */
export async function backendsOfWriters(adminUrl: string): Promise<number[]> {
  const rows = await queryAt<{ pid: number }>(
    adminUrl,
    `SELECT pid FROM pg_stat_activity WHERE application_name = 'quittance_ledger_load'`,
  );
  return rows.map(({ pid }) => pid);
}

/** Whether all that is posted is sealed, and each full block summed up. */
export async function isAllSealed(adminUrl: string): Promise<boolean> {
  const [row] = await queryAt<{ done: boolean }>(
    adminUrl,
    `SELECT NOT EXISTS (SELECT FROM ledger.unsealed)
        AND (SELECT coalesce(max(size), 0) FROM ledger.seal) < (small.next + 1) * 1024
        AND small.next < (large.next + 1) * 128 AS done
       FROM (SELECT coalesce(max(block) + 1, 0) AS next FROM ledger.rollup WHERE level = 0) small,
            (SELECT coalesce(max(block) + 1, 0) AS next FROM ledger.rollup WHERE level = 1) large`,
  );
  return row?.done === true;
}
