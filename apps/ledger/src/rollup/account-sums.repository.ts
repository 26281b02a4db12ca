import { Injectable } from '@nestjs/common';
import { Database } from '@quittance/database';

import { endOf, type Moment } from '../moment/moment.js';
import type { Layer } from '../posting/line.js';
import { blocksInLarge, type Cover, gapsOf, type Run, runOf } from './block.js';
import { BlockRepository } from './block.repository.js';
import { addTo, type Sums, sumsOf, type SumsRow } from './sums.js';

export type AccountSums = {
  readonly accountId: string;
  readonly layer: Layer;
  /** The day; where sums are split at a day, that day for what is of it or later, and null for what is earlier. */
  readonly day: string | null;
  readonly sums: Sums;
};

type Row = SumsRow & { account_id: string; layer: Layer; day: string | null };
/** A block that has an account's sums. `split_layers`: those whose lines of the last day lie across the moment's time. */
export type CoveredBlock = { account_id: string; level: number; block: string; is_split: boolean };

/** Lines to be read one by one: an account's in a run of the sealed order, from a time on and up to one, if told. */
export type LineRun = Run & {
  readonly accountId: string;
  readonly from: string | null;
  readonly until?: string | null;
};

export type SumsQuery = {
  readonly accountIds: readonly string[];
  readonly moment: Moment;
  /** One sum for each day; or one for what is before a day and one for the rest. One for all unless told. */
  readonly by?: 'day' | { readonly from: string };
  /** Of the same accounts and moment, where it is there already. */
  readonly coverage?: Coverage | undefined;
};

/** How a moment's transactions are read: what was rolled up when it was asked for, which goes on growing. */
export type Coverage = {
  readonly cover: Cover;
  /** Blocks of the cover that have sums of the accounts. */
  readonly covered: Promise<readonly CoveredBlock[]>;
};

/** Sums of the lines of accounts at a moment: rolled-up blocks where an account has many lines, the lines where few. */
@Injectable()
export class AccountSumsRepository {
  constructor(
    private readonly database: Database,
    private readonly blocks: BlockRepository,
  ) {}

  async at(query: SumsQuery): Promise<AccountSums[]> {
    const { accountIds, moment, by } = query;
    if (accountIds.length === 0) return [];
    const coverage = query.coverage ?? (await this.coverage(query));
    const { cover } = coverage;
    const end = endOf(moment);
    const byDay = dayOfRow(by);
    const [whole, covered] = await Promise.all([
      this.database.sql<Row>(wholeRows(byDay), [...blockValues(accountIds, cover, end), ...byDay.values]),
      coverage.covered,
    ]);
    const split = covered.filter((row) => row.is_split);
    const inner = await this.innerOf(split, end, byDay);
    const runs = [...uncoveredRuns(accountIds, cover, covered), ...inner.runs];
    const lines =
      runs.length === 0
        ? []
        : await this.database.sql<Row>(lineRows(byDay), [...lineValues(runs, cover, end), ...byDay.values]);
    const sums = new Map<string, AccountSums>();
    for (const row of [...whole, ...inner.rows, ...lines]) {
      const { account_id: accountId, layer, day } = row;
      addTo(sums, `${accountId} ${layer} ${day ?? ''}`, { accountId, layer, day, sums: sumsOf(row) });
    }
    return [...sums.values()];
  }

  async coverage({ accountIds, moment }: Pick<SumsQuery, 'accountIds' | 'moment'>): Promise<Coverage> {
    const cover = await this.blocks.cover(moment.size);
    const values = blockValues(accountIds, cover, endOf(moment));
    return { cover, covered: this.database.sql<CoveredBlock>(coveredBlocks, values) };
  }

  /** What of the last day of split blocks is before the end: of large blocks by their small ones, of small ones by lines. */
  private async innerOf(
    split: readonly CoveredBlock[],
    end: string,
    byDay: DayOf,
  ): Promise<{ rows: Row[]; runs: LineRun[] }> {
    const from = `${end.slice(0, 10)}T00:00:00.000Z`;
    const lineRun = (row: { account_id: string }, run: Run): LineRun => ({
      ...run,
      accountId: row.account_id,
      from,
    });
    const runs = split
      .filter(({ level }) => level === 0)
      .map((row) => lineRun(row, runOf(0, BigInt(row.block))));
    const large = split.filter(({ level }) => level === 1);
    if (large.length === 0) return { rows: [], runs };
    const values = [large.map((row) => row.account_id), large.map(({ block }) => block), end];
    const [rows, children] = await Promise.all([
      this.database.sql<Row>(wholeChildren(byDay), [...values, ...byDay.values]),
      this.database.sql<CoveredBlock>(coveredChildren, values),
    ]);
    for (const row of large) {
      const first = BigInt(row.block) * blocksInLarge;
      const own = children.filter(
        (child) =>
          child.account_id === row.account_id &&
          BigInt(child.block) >= first &&
          BigInt(child.block) < first + blocksInLarge,
      );
      const { start, end: runEnd } = runOf(1, BigInt(row.block));
      const coveredRuns = [
        { start: 0n, end: start },
        ...own.filter((child) => !child.is_split).map((child) => runOf(0, BigInt(child.block))),
      ];
      const gaps = gapsOf({ size: runEnd }, coveredRuns);
      runs.push(...gaps.map((gap) => lineRun(row, gap)));
    }
    return { rows, runs };
  }
}

const blockValues = (accountIds: readonly string[], cover: Cover, end: string): unknown[] => [
  accountIds,
  cover.largeEnd,
  cover.smallStart,
  cover.smallEnd,
  end,
];

/** How the day of a row goes into the answer: SQL of the day, and its values, which are the last of the statement. */
type DayOf = { readonly sql: (day: string, place: number) => string; readonly values: readonly string[] };

// One text for all days: the server keeps its plan.
function dayOfRow(by: SumsQuery['by']): DayOf {
  if (by === undefined) return { sql: () => 'NULL::text', values: [] };
  if (by === 'day') return { sql: (day) => `${day}::text`, values: [] };
  return {
    sql: (day, place) => `CASE WHEN ${day} >= $${place}::date THEN $${place}::date::text END`,
    values: [by.from],
  };
}

/** Where an account's lines have to be read: in all blocks that do not have its sums, and in the rest. */
export function uncoveredRuns(
  accountIds: readonly string[],
  cover: Cover,
  covered: readonly { readonly account_id: string; readonly level: number; readonly block: string }[],
): LineRun[] {
  const byAccount = Map.groupBy(covered, (row) => row.account_id);
  return accountIds.flatMap((accountId) => {
    const runs = (byAccount.get(accountId) ?? []).map(({ level, block }) => runOf(level, BigInt(block)));
    return gapsOf(cover, runs).map((gap) => ({ ...gap, accountId, from: null }));
  });
}

/** The values of a statement over `runLines`. */
export const lineValues = (runs: readonly LineRun[], cover: Cover, end: string): unknown[] => [
  runs.map(({ accountId }) => accountId),
  runs.map(({ start }) => start),
  runs.map((run) => run.end),
  runs.map(({ from }) => from),
  end,
  cover.restStart,
  cover.size,
  cover.largeEnd,
  cover.smallStart,
  runs.map(({ until }) => until ?? null),
];

/** Of an account those in the cover are two stretches of the table's key. */
export const rollupsInCover = `(
    SELECT * FROM ledger.account_rollup WHERE level = 1 AND block < $2
    UNION ALL
    SELECT * FROM ledger.account_rollup WHERE level = 0 AND block >= $3 AND block < $4)`;
/** Lines of one day that lie across the end: within the block, nobody knows which are before it. */
const isSplit = `bool_or(r.first_at < $5::timestamptz AND r.last_at >= $5::timestamptz)`;

const coveredBlocks = `
  SELECT r.account_id, r.level, r.block, ${isSplit} AS is_split
    FROM ${rollupsInCover} r WHERE r.account_id = ANY ($1::bigint[])
   GROUP BY r.account_id, r.level, r.block`;

const daySums = (day: string): string => `
         ${day} AS day, sum(r.debits)::text AS debits, sum(r.credits)::text AS credits,
         sum(r.debit)::text AS debit, sum(r.credit)::text AS credit`;

/**
 * A block that is split is read by the lines of its last day, all layers of it: so no row of that day counts here, and
 * all rows of the days before do.
 */
const beforeSplit = (end: string): string => `
   (r.last_at < ${end} AND (r.day < (${end} AT TIME ZONE 'UTC')::date OR NOT EXISTS (
      SELECT FROM ledger.account_rollup o
       WHERE o.account_id = r.account_id AND o.level = r.level AND o.block = r.block
         AND o.first_at < ${end} AND o.last_at >= ${end})))`;

const wholeRows = (byDay: DayOf): string => `
  SELECT r.account_id, r.layer, ${daySums(byDay.sql('r.day', 6))}
    FROM ${rollupsInCover} r
   WHERE r.account_id = ANY ($1::bigint[]) AND ${beforeSplit('$5::timestamptz')}
   GROUP BY 1, 2, 3`;

const childrenOf = `
    FROM unnest($1::bigint[], $2::bigint[]) AS given (account_id, block)
    JOIN ledger.account_rollup r ON r.account_id = given.account_id AND r.level = 0
     AND r.block >= given.block * 128 AND r.block < (given.block + 1) * 128`;
const onLastDay = `r.day = ($3::timestamptz AT TIME ZONE 'UTC')::date`;

const coveredChildren = `
  SELECT r.account_id, r.level, r.block,
         bool_or(r.first_at < $3::timestamptz AND r.last_at >= $3::timestamptz) AS is_split
  ${childrenOf} GROUP BY r.account_id, r.level, r.block`;

const wholeChildren = (byDay: DayOf): string => `
  SELECT r.account_id, r.layer, ${daySums(byDay.sql('r.day', 4))}
  ${childrenOf} WHERE ${onLastDay} AND ${beforeSplit('$3::timestamptz')}
   GROUP BY 1, 2, 3`;

/**
 * The lines of runs, by account: found by the ids that the transactions of a run can have. Most accounts have one run from
 * the first to the last position, whose bounds are asked for once. OFFSET 0: without it the least id would be looked for
 * along the index of ids, from the first of all.
 */
export const runLines = `
    unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::timestamptz[], $10::timestamptz[])
      AS run (account_id, first, past, since, until)
    CROSS JOIN LATERAL (
      SELECT CASE WHEN run.first = 0 THEN 0 ELSE least(
               (SELECT min(b.first_transaction) FROM ledger.rollup b
                 WHERE b.level = 0 AND b.block >= run.first / 1024 AND b.block <= (run.past - 1) / 1024),
               (SELECT min(f.transaction_id) FROM (
                  SELECT transaction_id FROM ledger.leaf
                   WHERE position >= greatest(run.first, $6) AND position < run.past OFFSET 0) f)) END AS lowest,
             CASE WHEN run.past = $7 THEN greatest(
               (SELECT max(b.last_transaction) FROM ledger.rollup b
                 WHERE (b.level = 1 AND b.block < $8) OR (b.level = 0 AND b.block >= $9 AND b.block <= ($7 - 1) / 1024)),
               (SELECT max(f.transaction_id) FROM (
                  SELECT transaction_id FROM ledger.leaf WHERE position >= $6 AND position < $7 OFFSET 0) f))
             ELSE greatest(
               (SELECT max(b.last_transaction) FROM ledger.rollup b
                 WHERE b.level = 0 AND b.block >= run.first / 1024 AND b.block <= (run.past - 1) / 1024),
               (SELECT max(f.transaction_id) FROM (
                  SELECT transaction_id FROM ledger.leaf
                   WHERE position >= greatest(run.first, $6) AND position < run.past OFFSET 0) f)) END AS highest) ids
    CROSS JOIN LATERAL (
      SELECT e.account_id, e.layer, e.amount, e.transaction_id, e.line, f.position, t.effective_at, t.event_type,
             t.payment_id, t.chain_transaction, t.occurred_at, t.recorded_at
        FROM ledger.entry e
        JOIN ledger.leaf f ON f.transaction_id = e.transaction_id
        JOIN ledger.transaction t ON t.id = e.transaction_id
       WHERE e.account_id = run.account_id AND e.transaction_id >= ids.lowest AND e.transaction_id <= ids.highest
         AND f.position >= run.first AND f.position < run.past
         AND t.effective_at < $5::timestamptz AND (run.since IS NULL OR t.effective_at >= run.since)
         AND (run.until IS NULL OR t.effective_at < run.until)) e`;

const lineRows = (byDay: DayOf): string => `
  SELECT e.account_id, e.layer, ${byDay.sql(`(e.effective_at AT TIME ZONE 'UTC')::date`, 11)} AS day, count(*) FILTER (WHERE e.amount > 0)::text AS debits,
         count(*) FILTER (WHERE e.amount < 0)::text AS credits,
         coalesce(sum(e.amount) FILTER (WHERE e.amount > 0), 0)::text AS debit,
         coalesce(-sum(e.amount) FILTER (WHERE e.amount < 0), 0)::text AS credit
    FROM ${runLines} GROUP BY 1, 2, 3`;
