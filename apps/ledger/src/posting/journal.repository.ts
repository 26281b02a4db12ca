import { column, type Sql } from '@quittance/database';

import type { AccountRow } from './chart.repository.js';
import { type Header, headerSources } from './header.js';
import { layers, type Line } from './line.js';

export type Journal = {
  readonly headers: readonly Header[];
  readonly shard: number;
  readonly accountOf: (line: Line) => AccountRow;
};

const hexPrefix = '0x';

/**
 * Headers and all of their lines in one statement: the database refuses lines that come later. Gives the ids of the
 * headers, in their order.
 */
export async function writeHeaders(sql: Sql, journal: Journal): Promise<string[]> {
  const { headers, shard } = journal;
  const kinds = new Map<string, number>();
  for (const { kind } of headers) if (!kinds.has(kind)) kinds.set(kind, kinds.size + 1);
  const [written] = await sql<{ ids: string[] }>(insertHeaders, [
    [...kinds.keys()],
    column.int2(headers.map(({ book }) => (book === 'F' ? 1 : 2))),
    column.int2(headers.map(({ source }) => headerSources.indexOf(source) + 1)),
    column.uuid(headers.map(({ sourceEventId }) => sourceEventId)),
    column.int2(headers.map(({ kind }) => kinds.get(kind) ?? null)),
    column.uuid(headers.map(({ paymentId }) => paymentId)),
    column.text(headers.map(({ chainTransaction }) => chainTransaction)),
    column.timestamptz(headers.map(({ occurredAt }) => Date.parse(occurredAt))),
    column.int8(headers.map(({ reverses }) => (reverses === null ? null : BigInt(reverses)))),
    column.int2(headers.map(({ settlement }) => settlement)),
    column.bytea(headers.map(({ log }) => (log === null ? null : bytesOf(log.blockHash)))),
    column.int4(headers.map(({ log }) => log?.logIndex ?? null)),
    shard,
    ...lineColumns(journal),
  ]);
  return written?.ids ?? [];
}

function lineColumns({ headers, accountOf }: Journal): Buffer[] {
  const positions: number[] = [];
  const numbers: number[] = [];
  const accounts: AccountRow[] = [];
  const lines: Line[] = [];
  for (const [index, header] of headers.entries()) {
    let number = 0;
    for (const line of header.lines) {
      number += 1;
      positions.push(index + 1);
      numbers.push(number);
      accounts.push(accountOf(line));
      lines.push(line);
    }
  }
  return [
    column.int4(positions),
    column.int2(numbers),
    column.int8(accounts.map(({ accountId }) => accountId)),
    column.int4(accounts.map(({ assetId }) => assetId)),
    column.int2(lines.map(({ layer }) => layers.indexOf(layer) + 1)),
    column.numeric(lines.map(({ amount }) => amount)),
  ];
}

const bytesOf = (hex: string): Buffer => Buffer.from(hex.slice(hexPrefix.length), 'hex');

// Ids rise in the order of insertion. Lines find theirs by its place in an array: a join would be planned for a handful
// of rows, and there are thousands. What is posted by hand counts at the date that it says, or is refused; anything else
// that comes after the close counts from the first open moment on. A log can have been booked before only where its
// payment was settled before, or by a transfer: nobody else looks.
const insertHeaders = `
  WITH opening AS MATERIALIZED (
    SELECT ledger.opens_at('F') AS f, ledger.opens_at('G') AS g
  ), header AS (
    INSERT INTO ledger.transaction (book, source, source_event_id, event_type, payment_id, chain_transaction, effective_at,
                                    occurred_at, reverses, settlement, log_block, log_index, log_turn, shard)
    SELECT CASE given.book WHEN 1 THEN 'F' ELSE 'G' END, ('{${headerSources.join(',')}}'::text[])[given.source],
           given.event_id, ($1::text[])[given.kind], given.payment_id, given.hash,
           CASE WHEN given.source > 2 THEN given.at
                ELSE greatest(given.at, CASE given.book WHEN 1 THEN opening.f ELSE opening.g END) END,
           given.at, given.reverses, given.settlement, given.log_block, given.log_index,
           CASE WHEN given.log_block IS NULL OR given.settlement = 1 THEN 0
                ELSE (SELECT count(*) FROM ledger.transaction t
                       WHERE t.chain_transaction = given.hash AND t.log_index = given.log_index
                         AND t.log_block = given.log_block AND t.book = CASE given.book WHEN 1 THEN 'F' ELSE 'G' END) END,
           $13::smallint
      FROM opening,
           unnest($2::smallint[], $3::smallint[], $4::uuid[], $5::smallint[], $6::uuid[], $7::text[], $8::timestamptz[],
                  $9::bigint[], $10::smallint[], $11::bytea[], $12::integer[])
             AS given (book, source, event_id, kind, payment_id, hash, at, reverses, settlement, log_block, log_index)
    RETURNING id
  ), headers AS (
    SELECT array_agg(id ORDER BY id) AS ids FROM header
  ), lines AS (
    INSERT INTO ledger.entry (transaction_id, line, account_id, asset_id, layer, amount)
    SELECT headers.ids[given.position], given.line, given.account_id, given.asset_id,
           ('{${layers.join(',')}}'::ledger.layer[])[given.layer], given.amount
      FROM headers,
           unnest($14::integer[], $15::smallint[], $16::bigint[], $17::integer[], $18::smallint[], $19::numeric[])
        AS given (position, line, account_id, asset_id, layer, amount)
  )
  SELECT ids FROM headers`;
