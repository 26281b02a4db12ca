import { Injectable } from '@nestjs/common';
import { Database } from '@quittance/database';

import { endOf, type Moment } from '../moment/moment.js';
import type { Layer } from '../posting/line.js';
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
    const [blocks, rest] = await Promise.all([
      this.database.sql<Row>(blockSums, [cover.largeEnd, cover.smallStart, cover.smallEnd, end]),
      cover.restStart === cover.size
        ? []
        : this.database.sql<Row>(restSums, [cover.restStart, cover.size, end]),
    ]);
    return sorted([...blocks, ...rest]);
  }
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
  SELECT p.head, p.class, s.code AS asset, p.layer, p.debits::text AS debits, p.credits::text AS credits,
         p.debit::text AS debit, p.credit::text AS credit
    FROM (SELECT p.head, p.class, p.asset_id, p.layer, sum(p.debits) AS debits, sum(p.credits) AS credits,
                 sum(p.debit) AS debit, sum(p.credit) AS credit
            FROM (${from}) p GROUP BY p.head, p.class, p.asset_id, p.layer) p
    JOIN ledger.asset s ON s.id = p.asset_id`;

/**
 * Where most ids of `candidate` are: transactions that are sealed together, or happen together, have ids close to each other,
 * but for a few that were long under way.
 */
const near = `
  near AS MATERIALIZED (
    SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY id) - count(*) AS low,
           percentile_disc(0.5) WITHIN GROUP (ORDER BY id) + count(*) AS high FROM candidate)`;

type ByIds = { readonly ids: string; readonly table: string; readonly key: string; readonly columns: string };

/** Rows by the ids of transactions: those near in the order of the table, the others one by one. */
const byIds = ({ ids, table, key, columns }: ByIds): string => `
  SELECT x.* FROM near
   CROSS JOIN LATERAL (SELECT ${key} AS id, ${columns} FROM ${table}
                        WHERE ${key} >= near.low AND ${key} <= near.high OFFSET 0) x
    JOIN ${ids} ON ${ids}.id = x.id
  UNION ALL
  SELECT x.* FROM near JOIN ${ids} ON ${ids}.id < near.low OR ${ids}.id > near.high
   CROSS JOIN LATERAL (SELECT ${key} AS id, ${columns} FROM ${table} WHERE ${key} = ${ids}.id OFFSET 0) x`;

const entriesPicked = byIds({
  ids: 'picked',
  table: 'ledger.entry',
  key: 'transaction_id',
  columns: 'account_id, layer, amount',
});
const positions = byIds({
  ids: 'candidate',
  table: 'ledger.leaf',
  key: 'transaction_id',
  columns: 'position',
});
const times = byIds({ ids: 'candidate', table: 'ledger.transaction', key: 'id', columns: 'effective_at' });

/** OFFSET 0: each account is looked up by its key, however many there are. */
const pickedLines = `
  SELECT ledger.account_head(a.code) AS head, a.class, a.asset_id, l.layer, l.debits, l.credits, l.debit, l.credit
    FROM (SELECT e.account_id, e.layer, count(*) FILTER (WHERE e.amount > 0) AS debits,
                 count(*) FILTER (WHERE e.amount < 0) AS credits,
                 coalesce(sum(e.amount) FILTER (WHERE e.amount > 0), 0) AS debit,
                 coalesce(-sum(e.amount) FILTER (WHERE e.amount < 0), 0) AS credit
            FROM (${entriesPicked}) e
           GROUP BY e.account_id, e.layer) l
   CROSS JOIN LATERAL (SELECT x.code, x.class, x.asset_id FROM ledger.account x WHERE x.id = l.account_id OFFSET 0) a`;

const dayStart = `date_bin('1 day', $4::timestamptz, '2000-01-01 00:00:00+00')`;
const slotStart = `date_bin('10 minutes', $4::timestamptz, '2000-01-01 00:00:00+00')`;
const blockOf = `(CASE WHEN f.position < $2 * 1024 THEN 1 ELSE 0 END::smallint,
                  CASE WHEN f.position < $2 * 1024 THEN f.position / 131072 ELSE f.position / 1024 END)`;
const rowsOfSplit = (condition: string): string => `
  SELECT h.* FROM split
   CROSS JOIN LATERAL (SELECT x.* FROM ledger.head_rollup x
                        WHERE x.level = split.level AND x.block = split.block AND ${condition} OFFSET 0) h`;

/** All in whole blocks. Of the stretch of ten minutes that the end is in only lines of split blocks are looked at. */
const blockSums = `
  WITH part AS MATERIALIZED (
    SELECT h.* FROM ledger.head_rollup h WHERE h.level = 1 AND h.block < $1 AND h.span = 'all'
    UNION ALL
    SELECT h.* FROM ledger.head_rollup h WHERE h.level = 0 AND h.block >= $2 AND h.block < $3 AND h.span = 'all'),
  extent AS MATERIALIZED (
    SELECT level, block, min(first_at) AS first_at, max(last_at) AS last_at FROM part GROUP BY level, block),
  split AS MATERIALIZED (
    SELECT level, block FROM extent WHERE first_at < $4::timestamptz AND last_at >= $4::timestamptz),
  candidate AS MATERIALIZED (
    SELECT id FROM ledger.transaction
     WHERE effective_at >= ${slotStart} AND effective_at < $4::timestamptz AND EXISTS (SELECT FROM split)),
  ${near},
  picked AS MATERIALIZED (
    SELECT f.id FROM (${positions}) f
     WHERE f.position < $3 * 1024 AND ${blockOf} IN (SELECT level, block FROM split))
  ${named(`
  SELECT p.head, p.class, p.asset_id, p.layer, p.debits, p.credits, p.debit, p.credit
    FROM part p JOIN extent USING (level, block) WHERE extent.last_at < $4::timestamptz
  UNION ALL
  SELECT h.head, h.class, h.asset_id, h.layer, h.debits, h.credits, h.debit, h.credit
    FROM (${rowsOfSplit(`x.span = 'day' AND x.starts_at < ${dayStart}`)}) h
  UNION ALL
  SELECT h.head, h.class, h.asset_id, h.layer, h.debits, h.credits, h.debit, h.credit
    FROM (${rowsOfSplit(`x.span = 'slot' AND x.starts_at >= ${dayStart} AND x.starts_at < ${slotStart}`)}) h
  UNION ALL
  ${pickedLines}`)}`;

/** What no whole block holds. */
const restSums = `
  WITH candidate AS MATERIALIZED (
    SELECT transaction_id AS id FROM ledger.leaf WHERE position >= $1 AND position < $2),
  ${near},
  picked AS MATERIALIZED (
    SELECT t.id FROM (${times}) t
     WHERE t.effective_at < $3::timestamptz)
  ${named(pickedLines)}`;
