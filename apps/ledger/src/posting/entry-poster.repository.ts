import { Injectable } from '@nestjs/common';
import type { Database, Sql } from '@quittance/database';

import { Chart } from './chart.repository.js';
import type { EntryPosted, EntryPosting } from './entry-posting.js';
import { writeHeaders } from './journal.repository.js';
import { type Line, netLines } from './line.js';
import { EmptyPostingError, PostingContradictsError } from './posting-error.js';

/** The row of a balance that these add to, so that they do not wait for those of payments. */
const shard = 999;

/** Posts transfers, journals and closings, each in a transaction of its own or as part of another. */
@Injectable()
export class EntryPoster {
  constructor(private readonly database: Database) {}

  /**
   * @throws PostingContradictsError when something else was posted under the same id; EmptyPostingError, MoneyError;
   * DatabaseConstraintError when a guard of the books refuses it; DatabaseUnavailableError and the like.
   */
  async post(posting: EntryPosting): Promise<EntryPosted> {
    return this.database.transaction(async ({ sql }) => this.postWithin(sql, posting));
  }

  /** As `post`, as part of the transaction of `sql`: both are committed or neither. */
  async postWithin(sql: Sql, posting: EntryPosting): Promise<EntryPosted> {
    const lines = netLines(posting.lines);
    if (lines.length === 0) throw new EmptyPostingError(posting.sourceEventId);
    // Two that post the same wait here for each other; the second then sees what the first wrote.
    await sql('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [
      `${posting.sourceEventId.toLowerCase()} ${posting.book}`,
    ]);
    const known = await find(sql, posting);
    if (known === undefined) return { transactionId: await write(sql, posting, lines), isNew: true };
    if (known.told !== toldBy(posting, lines)) throw new PostingContradictsError(posting.sourceEventId);
    return { transactionId: known.id, isNew: false };
  }
}

async function write(sql: Sql, posting: EntryPosting, lines: readonly Line[]): Promise<string> {
  const chart = new Chart();
  const opened = await chart.open(sql, lines);
  const header = {
    ...posting,
    occurredAt: posting.effectiveAt.toISOString(),
    reverses: posting.reverses ?? null,
    settlement: null,
    log: posting.log ?? null,
    lines,
  };
  const accountOf = (line: Line): ReturnType<Chart['find']> => chart.find(line, opened);
  const [id] = await writeHeaders(sql, { headers: [header], shard, accountOf });
  if (id === undefined) throw new RangeError(`posting ${posting.sourceEventId} wrote no header`);
  return id;
}

type KnownRow = {
  id: string;
  source: string;
  kind: string;
  payment_id: string | null;
  chain_transaction: string | null;
  occurred_at: Date;
  reverses: string | null;
  log_block: string | null;
  log_index: number | null;
  lines: (Omit<Line, 'amount'> & { amount: string })[];
};

async function find(
  sql: Sql,
  { sourceEventId, book }: EntryPosting,
): Promise<{ readonly id: string; readonly told: string } | undefined> {
  const [row] = await sql<KnownRow>(
    `SELECT t.id, t.source, t.event_type AS kind, t.payment_id, t.chain_transaction, t.occurred_at, t.reverses,
            encode(t.log_block, 'hex') AS log_block, t.log_index,
            (SELECT json_agg(json_build_object('account', a.code, 'asset', s.code, 'layer', e.layer, 'amount', e.amount::text))
               FROM ledger.entry e JOIN ledger.account a ON a.id = e.account_id JOIN ledger.asset s ON s.id = e.asset_id
              WHERE e.transaction_id = t.id) AS lines
       FROM ledger.transaction t WHERE t.source_event_id = $1::uuid AND t.book = $2`,
    [sourceEventId, book],
  );
  if (row === undefined) return undefined;
  const lines = netLines(row.lines.map((line) => ({ ...line, amount: BigInt(line.amount) })));
  const { source, kind, payment_id: paymentId, chain_transaction: hash, occurred_at: at, reverses } = row;
  const log = row.log_block === null ? null : `0x${row.log_block} ${row.log_index}`;
  return {
    id: row.id,
    told: asText([source, kind, paymentId, hash, at.toISOString(), reverses, log], lines),
  };
}

const toldBy = (posting: EntryPosting, lines: readonly Line[]): string => {
  const { source, kind, paymentId, chainTransaction, effectiveAt, reverses = null, log = null } = posting;
  const fields = [
    source,
    kind,
    paymentId?.toLowerCase() ?? null,
    chainTransaction,
    effectiveAt.toISOString(),
    reverses,
    log === null ? null : `${log.blockHash} ${log.logIndex}`,
  ];
  return asText(fields, lines);
};

const asText = (fields: readonly (string | null)[], lines: readonly Line[]): string =>
  JSON.stringify([
    fields,
    lines.map((line) => [line.account, line.asset, line.layer, line.amount.toString()]),
  ]);
