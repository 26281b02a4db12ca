import type { Database } from '@quittance/database';

import type { SealBacklog } from './seal-figures.js';

type BacklogRow = {
  readonly age: number | null;
  readonly transactions: string;
  readonly size: string;
  readonly signed: string;
};

/** What is not sealed yet, and how far the tree is. */
export async function readBacklog(database: Database): Promise<SealBacklog> {
  const [row] = await database.sql<BacklogRow>(
    `SELECT extract(epoch FROM clock_timestamp() - min(u.queued_at))::float8 AS age, coalesce(sum(u.headers), 0)::text AS transactions,
            (SELECT coalesce(max(size), 0)::text FROM ledger.seal) AS size,
            (SELECT coalesce(max(size), 0)::text FROM ledger.checkpoint) AS signed
       FROM ledger.unsealed u`,
  );
  return {
    ageSeconds: row?.age ?? 0,
    transactions: Number(row?.transactions),
    size: Number(row?.size),
    signedSize: Number(row?.signed),
  };
}
