import { Injectable } from '@nestjs/common';
import { Database } from '@quittance/database';

import { endOf, type Moment } from '../moment/moment.js';
import type { Layer } from '../posting/line.js';
import { runOf } from './block.js';
import { BlockRepository } from './block.repository.js';
import { addTo, type Sums, sumsOf, type SumsRow } from './sums.js';

/** What all accounts come to whose codes begin with the same two words, by class, asset and layer. */
export type HeadSums = {
  readonly head: string;
  readonly class: string;
  readonly asset: string;
  readonly layer: Layer;
  readonly sums: Sums;
};

type Row = SumsRow & { head: string; class: string; asset: string; layer: Layer };
/** Sums, or a block that lies across the time and is to be read in parts. */
type RowOrSplit = Row & { level: number | null; block: string | null };
type Split = { readonly level: number; readonly block: string };

/**
 * Sums of all lines at a moment, by the head of the account code. Blocks that lie whole before its time are one row each;
 * those across it are read by days, the day by stretches of ten minutes, and the last of them by its transactions.
 */
@Injectable()
export class HeadSumsRepository {
  constructor(
    private readonly database: Database,
    private readonly blocks: BlockRepository,
  ) {}

  /** Ordered by head, class, asset and layer; those that nothing was ever posted to are left out. */
  async at(moment: Moment): Promise<HeadSums[]> {
    const cover = await this.blocks.cover(moment.size);
    const end = endOf(moment);
    const blocks = [cover.largeEnd, cover.smallStart, cover.smallEnd, end];
    const [found, rest] = await Promise.all([
      this.database.sql<RowOrSplit>(wholeBlocks, blocks),
      this.database.sql<Row>(restLines, [cover.restStart, cover.size, end]),
    ]);
    const { sums, splits } = apart(found);
    const parts = splits.length === 0 ? [] : await this.partsOf(splits, end);
    return sorted([...sums, ...rest, ...parts]);
  }

  private async partsOf(split: readonly Split[], end: string): Promise<Row[]> {
    const blocks = [split.map(({ level }) => level), split.map(({ block }) => block), end];
    const [parts, found] = await Promise.all([
      this.database.sql<Row>(daysAndSlots, blocks),
      this.database.sql<RowOrSplit>(lastSlot, blocks),
    ]);
    const { sums, splits } = apart(found);
    if (splits.length === 0) return [...parts, ...sums];
    const runs = splits.map(({ level, block }) => runOf(level, BigInt(block)));
    const lines = await this.database.sql<Row>(slotLines, [
      runs.map(({ start }) => start),
      runs.map((run) => run.end),
      end,
    ]);
    return [...parts, ...sums, ...lines];
  }
}

function apart(rows: readonly RowOrSplit[]): { sums: Row[]; splits: Split[] } {
  return {
    sums: rows.filter(({ block }) => block === null),
    splits: rows.flatMap(({ level, block }) => (level === null || block === null ? [] : [{ level, block }])),
  };
}

function sorted(rows: readonly Row[]): HeadSums[] {
  const sums = new Map<string, HeadSums>();
  for (const row of rows) {
    const { head, class: kind, asset, layer } = row;
    addTo(sums, `${head} ${kind} ${asset} ${layer}`, { head, class: kind, asset, layer, sums: sumsOf(row) });
  }
  return [...sums].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
}

const named = (from: string): string => `
  SELECT p.head, p.class, s.code AS asset, p.layer, sum(p.debits)::text AS debits, sum(p.credits)::text AS credits,
         sum(p.debit)::text AS debit, sum(p.credit)::text AS credit
    FROM (${from}) p JOIN ledger.asset s ON s.id = p.asset_id
   GROUP BY p.head, p.class, s.code, p.layer`;

/** Sums of the blocks that are whole before the end; of those across it only which they are. */
const wholeAndSplit = (rows: string, end: string): string => `
  WITH part AS MATERIALIZED (${rows}),
       extent AS MATERIALIZED (SELECT level, block, min(first_at) AS first_at, max(last_at) AS last_at
                                 FROM part GROUP BY level, block)
  SELECT whole.*, NULL::smallint AS level, NULL::bigint AS block
    FROM (${named(`SELECT part.* FROM part JOIN extent USING (level, block) WHERE extent.last_at < ${end}`)}) whole
  UNION ALL
  SELECT '', '', '', 'settled'::ledger.layer, '0', '0', '0', '0', level, block
    FROM extent WHERE first_at < ${end} AND last_at >= ${end}`;

const wholeBlocks = wholeAndSplit(
  `SELECT h.* FROM ledger.head_rollup h WHERE h.level = 1 AND h.block < $1 AND h.span = 'all'
   UNION ALL
   SELECT h.* FROM ledger.head_rollup h WHERE h.level = 0 AND h.block >= $2 AND h.block < $3 AND h.span = 'all'`,
  '$4::timestamptz',
);

const given = `unnest($1::smallint[], $2::bigint[]) AS given (level, block)`;
const dayStart = `date_bin('1 day', $3::timestamptz, '2000-01-01 00:00:00+00')`;
const slotStart = `date_bin('10 minutes', $3::timestamptz, '2000-01-01 00:00:00+00')`;
const ofGiven = `FROM ${given} JOIN ledger.head_rollup h ON h.level = given.level AND h.block = given.block`;

const daysAndSlots = named(`
  SELECT h.* ${ofGiven} WHERE h.span = 'day' AND h.starts_at < ${dayStart}
  UNION ALL
  SELECT h.* ${ofGiven} WHERE h.span = 'slot' AND h.starts_at >= ${dayStart} AND h.starts_at < ${slotStart}`);

const lastSlot = wholeAndSplit(
  `SELECT h.* ${ofGiven} WHERE h.span = 'slot' AND h.starts_at = ${slotStart}`,
  '$3::timestamptz',
);

/** OFFSET 0: each account is looked up by its key, however many there are. */
const lineSums = (lines: string): string =>
  named(`
  SELECT ledger.account_head(a.code) AS head, a.class, a.asset_id, l.layer, l.debits, l.credits, l.debit, l.credit
    FROM (SELECT e.account_id, e.layer, count(*) FILTER (WHERE e.amount > 0) AS debits,
                 count(*) FILTER (WHERE e.amount < 0) AS credits,
                 coalesce(sum(e.amount) FILTER (WHERE e.amount > 0), 0) AS debit,
                 coalesce(-sum(e.amount) FILTER (WHERE e.amount < 0), 0) AS credit
            FROM ${lines}
           CROSS JOIN LATERAL (SELECT x.account_id, x.layer, x.amount FROM ledger.entry x
                                WHERE x.transaction_id = f.transaction_id OFFSET 0) e
           GROUP BY e.account_id, e.layer) l
   CROSS JOIN LATERAL (SELECT x.code, x.class, x.asset_id FROM ledger.account x WHERE x.id = l.account_id OFFSET 0) a`);

const slotLines = lineSums(`
    (SELECT id FROM ledger.transaction WHERE effective_at >= ${slotStart} AND effective_at < $3::timestamptz OFFSET 0) t
    JOIN ledger.leaf f ON f.transaction_id = t.id
     AND EXISTS (SELECT FROM unnest($1::bigint[], $2::bigint[]) AS run (first, past)
                  WHERE f.position >= run.first AND f.position < run.past)`);

const restLines = lineSums(`
    (SELECT transaction_id FROM ledger.leaf WHERE position >= $1 AND position < $2 OFFSET 0) f
   CROSS JOIN LATERAL (SELECT x.effective_at FROM ledger.transaction x WHERE x.id = f.transaction_id OFFSET 0) t
   CROSS JOIN LATERAL (SELECT WHERE t.effective_at < $3::timestamptz) counts`);
