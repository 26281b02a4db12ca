import type { Sql } from '@quittance/database';
import type { ChainEvent, EventOf } from '@quittance/events';

import { type FilledEvent, type Filler, fillerOf, postFillers } from './filler.js';
import type { Posting } from './posting.js';

type FinalizedEvent = EventOf<'settlement.finalized'>;

/** Keeps what events tell of a chain as a whole, and gives what is to be posted. Suspended or not is nothing to the books. */
export async function postChains(sql: Sql, events: readonly ChainEvent[]): Promise<Posting[]> {
  const finalized = events.filter((event) => event.type === 'settlement.finalized');
  const filled = events.filter((event) => event.type === 'settlement.filled');
  if (finalized.length > 0 || filled.length > 0) await lockChains(sql, [...finalized, ...filled]);
  if (finalized.length > 0) await moveFinalBlocks(sql, finalized);
  return filled.length > 0 ? postFilled(sql, filled) : [];
}

/** Their rows keep transactions apart that tell of one chain. */
async function lockChains(sql: Sql, events: readonly ChainEvent[]): Promise<void> {
  const ids = [...new Set(events.map((event) => event.data.chainId))].sort();
  await sql(
    `INSERT INTO ledger.chain (chain_id)
     SELECT id FROM unnest($1::text[]) AS given (id) ORDER BY id
     ON CONFLICT (chain_id) DO NOTHING`,
    [ids],
  );
  await sql('SELECT FROM ledger.chain WHERE chain_id = ANY ($1::text[]) ORDER BY chain_id FOR UPDATE', [ids]);
}

async function moveFinalBlocks(sql: Sql, events: readonly FinalizedEvent[]): Promise<void> {
  await sql(
    `UPDATE ledger.chain c SET final_block = given.block, final_at = given.at, updated_at = clock_timestamp()
       FROM (SELECT DISTINCT ON (id) id, block, at
               FROM unnest($1::text[], $2::numeric[], $3::timestamptz[]) AS told (id, block, at)
              ORDER BY id, block DESC, at) given
      WHERE c.chain_id = given.id AND given.block > c.final_block`,
    [
      events.map(({ data }) => data.chainId),
      events.map(({ data }) => data.block.number),
      events.map(({ occurredAt }) => occurredAt),
    ],
  );
}

async function postFilled(sql: Sql, events: readonly FilledEvent[]): Promise<Posting[]> {
  const fillers = events.map(fillerOf);
  const named = fillers.flatMap(({ eventId, takesBack }) =>
    takesBack === null ? [eventId] : [eventId, takesBack],
  );
  const known = await sql<Filler>(
    `SELECT event_id::text AS "eventId", takes_back::text AS "takesBack", relayer, fee::text AS fee,
            given::text AS given
       FROM ledger.filler WHERE event_id = ANY ($1::uuid[]) OR takes_back = ANY ($1::uuid[])`,
    [named],
  );
  await sql(
    `INSERT INTO ledger.filler (event_id, takes_back, chain_id, relayer, fee, given)
     SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::numeric[], $6::numeric[])`,
    [
      fillers.map(({ eventId }) => eventId),
      fillers.map(({ takesBack }) => takesBack),
      events.map(({ data }) => data.chainId),
      fillers.map(({ relayer }) => relayer),
      fillers.map(({ fee }) => fee),
      fillers.map(({ given }) => given),
    ],
  );
  return postFillers(known, events);
}
