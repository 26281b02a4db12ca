import type { Sql } from '@quittance/database';

import type { AccountRow } from './chart.repository.js';
import type { Line } from './line.js';
import type { Posting } from './posting.js';

export type Journal = {
  readonly postings: readonly Posting[];
  readonly shard: number;
  readonly accountOf: (line: Line) => AccountRow;
};

/** Headers and all of their lines in one statement: the database refuses lines that come later. */
export async function writePostings(sql: Sql, { postings, shard, accountOf }: Journal): Promise<void> {
  const lines = postings.flatMap(({ lines: own }, position) =>
    own.map((line, index) => ({
      position: position + 1,
      number: index + 1,
      ...accountOf(line),
      layer: line.layer,
      amount: line.amount.toString(),
    })),
  );
  await sql(insertPostings, [
    postings.map(({ book }) => book),
    postings.map(({ event }) => event.id),
    postings.map(({ event }) => event.type),
    postings.map(({ paymentId }) => paymentId),
    postings.map(({ chainTransaction }) => chainTransaction),
    postings.map(({ event }) => event.occurredAt),
    shard,
    lines.map(({ position }) => position),
    lines.map(({ number }) => number),
    lines.map(({ accountId }) => accountId),
    lines.map(({ assetId }) => assetId),
    lines.map(({ layer }) => layer),
    lines.map(({ amount }) => amount),
  ]);
}

// Ids rise in the order of insertion, which the ORDER BY makes that of the postings. Lines find theirs by its place in
// an array: a join would be planned for a handful of rows, and there are thousands.
const insertPostings = `
  WITH header AS (
    INSERT INTO ledger.transaction
           (book, source_event_id, event_type, payment_id, chain_transaction, effective_at, shard)
    SELECT given.book, given.event_id, given.type, given.payment_id, given.chain_transaction, given.at, $7::smallint
      FROM unnest($1::text[], $2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::timestamptz[])
           WITH ORDINALITY AS given (book, event_id, type, payment_id, chain_transaction, at, position)
     ORDER BY given.position
    RETURNING id
  )
  INSERT INTO ledger.entry (transaction_id, line, account_id, asset_id, layer, amount)
  SELECT headers.ids[given.position], given.line, given.account_id, given.asset_id, given.layer, given.amount
    FROM (SELECT array_agg(id ORDER BY id) AS ids FROM header) headers,
         unnest($8::integer[], $9::smallint[], $10::bigint[], $11::integer[], $12::ledger.layer[], $13::numeric[])
      AS given (position, line, account_id, asset_id, layer, amount)`;
