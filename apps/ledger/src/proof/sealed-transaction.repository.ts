import type { Sql } from '@quittance/database';

import type { Digest } from './digest.js';
import { type SealedEntry, type SealedTransaction, timeText } from './sealed-transaction.js';

/** A leaf as it is stored, and the transaction of that id as it is stored now: null where there is none. */
export type StoredLeaf = {
  readonly position: number;
  readonly transactionId: string;
  readonly leaf: Digest;
  readonly transaction: SealedTransaction | null;
};

// Rows come as one text: to send and read each value by itself costs three times as much. None of the values has tabs or
// line ends. Times in seconds, as text of other forms depends on settings of the server.
const headerText = `concat(t.id, E'\\t', t.book, E'\\t', t.source, E'\\t', t.source_event_id, E'\\t', t.event_type,
  E'\\t', t.payment_id, E'\\t', t.chain_transaction, E'\\t', extract(epoch FROM t.effective_at),
  E'\\t', extract(epoch FROM t.occurred_at), E'\\t', extract(epoch FROM t.recorded_at), E'\\t', t.reverses, E'\\t', t.shard)`;

type TextRow = { readonly headers: string | null; readonly entries: string | null };

type HeaderFields = readonly string[];
type EntryFields = readonly string[];

const fieldsOf = (text: string | null): string[][] =>
  text === null ? [] : text.split('\n').map((row) => row.split('\t'));

const orNull = (field: string | undefined): string | null =>
  field === undefined || field === '' ? null : field;

function transactionOf(fields: HeaderFields, entries: readonly SealedEntry[]): SealedTransaction {
  const [id = '', book = '', source = '', sourceEventId = '', event = ''] = fields;
  return {
    id,
    book,
    source,
    sourceEventId,
    event,
    paymentId: orNull(fields[5]),
    chainTransaction: orNull(fields[6]),
    effectiveAt: timeText(fields[7] ?? ''),
    occurredAt: timeText(fields[8] ?? ''),
    recordedAt: timeText(fields[9] ?? ''),
    reverses: orNull(fields[10]),
    shard: Number(fields[11]),
    entries,
  };
}

/** Entries by id of their transaction. */
function grouped(
  rows: readonly EntryFields[],
  view: (fields: EntryFields) => SealedEntry,
): Map<string, SealedEntry[]> {
  const groups = new Map<string, SealedEntry[]>();
  let lastId = '';
  let group: SealedEntry[] = [];
  for (const fields of rows) {
    const id = fields[0] ?? '';
    if (id !== lastId) {
      group = [];
      lastId = id;
      groups.set(id, group);
    }
    group.push(view(fields));
  }
  return groups;
}

const leafTexts = `
  SELECT (SELECT string_agg(concat(x.position, E'\\t', encode(x.hash, 'hex'), E'\\t', x.transaction_id, E'\\t', x.header), E'\\n')
            FROM (SELECT l.position, l.hash, l.transaction_id, ${headerText} AS header
                    FROM ledger.leaf l LEFT JOIN ledger.transaction t ON t.id = l.transaction_id
                   WHERE l.position >= $1::bigint AND l.position < $2::bigint ORDER BY l.position) x) AS headers,
         (SELECT string_agg(concat(x.transaction_id, E'\\t', x.line, E'\\t', x.account, E'\\t', x.asset, E'\\t', x.layer, E'\\t', x.amount), E'\\n')
            FROM (SELECT e.transaction_id, e.line, e.layer, e.amount,
                         (SELECT a.code FROM ledger.account a WHERE a.id = e.account_id) AS account,
                         (SELECT s.code FROM ledger.asset s WHERE s.id = e.asset_id) AS asset
                    FROM ledger.leaf l JOIN ledger.entry e ON e.transaction_id = l.transaction_id
                   WHERE l.position >= $1::bigint AND l.position < $2::bigint ORDER BY l.position, e.line) x) AS entries`;

/** Leaves of the positions from `first` up to but without `end`, in order, with what stands in the books for them now. */
export async function readLeaves(sql: Sql, first: number, end: number): Promise<StoredLeaf[]> {
  const [row] = await sql<TextRow>(leafTexts, [first, end]);
  const entries = grouped(fieldsOf(row?.entries ?? null), ([, line, account, asset, layer, amount]) => ({
    line: Number(line),
    account: account ?? '',
    asset: asset ?? '',
    layer: layer as SealedEntry['layer'],
    amount: amount ?? '',
  }));
  return fieldsOf(row?.headers ?? null).map(([position, leaf = '', transactionId = '', ...header]) => ({
    position: Number(position),
    transactionId,
    leaf,
    transaction: header[0] === '' ? null : transactionOf(header, entries.get(transactionId) ?? []),
  }));
}
