import type { Database } from '@quittance/database';
import { topics } from '@quittance/events';
import { createPublicClient, type Hex, http } from 'viem';

import { StandaloneError } from './standalone.error.js';

/** The highest block in which the database has seen a payment. */
export type SeenBlock = { readonly number: bigint; readonly hash: Hex };

/** What the event log says of the chain; undefined on an empty one. */
export async function lastSeenBlock(database: Database): Promise<SeenBlock | undefined> {
  const rows = await database.sql<{ number: string; hash: Hex }>(
    `SELECT event #>> '{data,block,number}' AS number, event #>> '{data,block,hash}' AS hash
       FROM (SELECT value::jsonb AS event FROM events.log WHERE topic = $1 AND value IS JSON OBJECT) AS logged
      WHERE event ->> 'type' = 'settlement.confirmed'
      ORDER BY (event #>> '{data,block,number}')::numeric DESC
      LIMIT 1`,
    [topics.settlements.name],
  );
  const [row] = rows;
  return row === undefined ? undefined : { number: BigInt(row.number), hash: row.hash };
}

/**
 * The chain must still hold what the database has booked. After an unclean end it can have lost its last seconds.
 *
 * @throws StandaloneError when it has.
 */
export async function assertChainHolds(rpcUrl: string, seen: SeenBlock | undefined): Promise<void> {
  if (seen === undefined) return;
  const client = createPublicClient({ transport: http(rpcUrl) });
  const head = await client.getBlockNumber();
  const hash = head < seen.number ? null : (await client.getBlock({ blockNumber: seen.number })).hash;
  if (hash === seen.hash) return;
  const what = hash === null ? `ends at block ${head}` : `has another block ${seen.number}`;
  throw new StandaloneError(
    'chain_behind_database',
    `The kept dev chain ${what}, but the books know payments up to block ${seen.number}: the last run was cut off before ` +
      'the chain was written. Both are for trying out only; start again with an empty pair: npm start -- --fresh',
  );
}
