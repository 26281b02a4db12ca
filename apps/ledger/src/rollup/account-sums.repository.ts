import { Injectable } from '@nestjs/common';
import { Database } from '@quittance/database';

import { endOf, type Moment } from '../moment/moment.js';
import type { Layer } from '../posting/line.js';
import { blocksInLarge, type Cover, gapsOf, type Run, runOf } from './block.js';
import { BlockRepository } from './block.repository.js';
import {
  type FirstLines,
  firstLines,
  firstValues,
  foundLine,
  type FoundLine,
  type LineRow,
  type LineRun,
  lineValues,
  runLines,
  uncoveredRuns,
} from './line-runs.js';
import { addTo, type Sums, sumsOf, type SumsRow } from './sums.js';

export type AccountSums = {
  readonly accountId: string;
  readonly layer: Layer;
  /** The day; where sums are split at a day, that day for what is of it or later, and null for what is earlier. */
  readonly day: string | null;
  readonly sums: Sums;
};

type Row = SumsRow & { account_id: string; layer: Layer; day: string | null };
/** A block that has an account's sums, and whether lines of the last day lie across the moment's time. */
type CoveredBlock = { account_id: string; level: number; block: string; is_split: boolean };
/** Rows of one kind have nothing in the columns of the other. */
type Nothing<Of> = { [Column in keyof Of]: null };
type RowOrBlock =
  (Row & Nothing<Omit<CoveredBlock, 'account_id'>>) | (CoveredBlock & Nothing<Omit<Row, 'account_id'>>);
type RowOrLine = (Row & Nothing<LineRow>) | (Nothing<Row> & LineRow);

const isSum = <Any extends { layer: Layer | null }>(row: Any): row is Any & Row => row.layer !== null;
const isLine = (row: RowOrLine): row is Nothing<Row> & LineRow => row.transactionId !== null;

export type SumsQuery = {
  readonly accountIds: readonly string[];
  readonly moment: Moment;
  /** One sum for each day; or one for what is before a day and one for the rest. One for all unless told. */
  readonly by?: 'day' | { readonly from: string };
};

/** Sums of the lines of accounts at a moment: rolled-up blocks where an account has many lines, the lines where few. */
@Injectable()
export class AccountSumsRepository {
  constructor(
    private readonly database: Database,
    private readonly blocks: BlockRepository,
  ) {}

  async at(query: SumsQuery): Promise<AccountSums[]> {
    if (query.accountIds.length === 0) return [];
    const { sums } = await this.read(query, await this.blocks.cover(query.moment.size));
    return sums;
  }

  /** The first lines too, but for those in blocks that have sums of the account. */
  async withLines(
    query: SumsQuery,
    cover: Cover,
    first: FirstLines,
  ): Promise<{ sums: AccountSums[]; lines: FoundLine[] }> {
    return this.read(query, cover, first);
  }

  private async read(
    { accountIds, moment, by }: SumsQuery,
    cover: Cover,
    first?: FirstLines,
  ): Promise<{ sums: AccountSums[]; lines: FoundLine[] }> {
    const end = endOf(moment);
    const byDay = dayOfRow(by);
    const rolled = await this.database.sql<RowOrBlock>(rolledUp(byDay), [
      accountIds,
      cover.largeEnd,
      cover.smallStart,
      cover.smallEnd,
      end,
      ...byDay.values,
    ]);
    const covered = rolled.filter((row) => row.block !== null);
    const inner = await this.innerOf(
      covered.filter((row) => row.is_split),
      end,
      byDay,
    );
    const runs = [...uncoveredRuns(accountIds, cover, covered), ...inner.runs];
    const values = [...lineValues(runs, cover, end), ...byDay.values];
    const rest = runs.length === 0 ? { rows: [], lines: [] } : await this.linesOf(byDay, values, first);
    const sums = new Map<string, AccountSums>();
    for (const row of [...rolled.filter(isSum), ...inner.rows, ...rest.rows]) {
      const { account_id: accountId, layer, day } = row;
      addTo(sums, `${accountId} ${layer} ${day ?? ''}`, { accountId, layer, day, sums: sumsOf(row) });
    }
    return { sums: [...sums.values()], lines: rest.lines };
  }

  private async linesOf(
    byDay: DayOf,
    values: unknown[],
    first: FirstLines | undefined,
  ): Promise<{ rows: Row[]; lines: FoundLine[] }> {
    if (first === undefined)
      return { rows: await this.database.sql<Row>(lineSums(runLines, byDay), values), lines: [] };
    const rows = await this.database.sql<RowOrLine>(sumsAndLines(byDay), [...values, ...firstValues(first)]);
    return { rows: rows.filter(isSum), lines: rows.filter(isLine).map(foundLine) };
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

/** Of an account those in the cover are two stretches of the table's key. */
export const rollupsInCover = `(
    SELECT * FROM ledger.account_rollup WHERE level = 1 AND block < $2
    UNION ALL
    SELECT * FROM ledger.account_rollup WHERE level = 0 AND block >= $3 AND block < $4)`;
/** Lines of one day that lie across the end: within the block, nobody knows which are before it. */
const isSplit = (end: string): string => `bool_or(r.first_at < ${end} AND r.last_at >= ${end})`;

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

/** Sums of what is whole before the end, and which blocks they are of. */
const rolledUp = (byDay: DayOf): string => `
  WITH r AS MATERIALIZED (SELECT * FROM ${rollupsInCover} r WHERE r.account_id = ANY ($1::bigint[])),
  block AS MATERIALIZED (
    SELECT r.account_id, r.level, r.block, ${isSplit('$5::timestamptz')} AS is_split
      FROM r GROUP BY r.account_id, r.level, r.block)
  SELECT s.account_id, s.layer, s.day, s.debits, s.credits, s.debit, s.credit,
         NULL::smallint AS level, NULL::bigint AS block, NULL::boolean AS is_split
    FROM (SELECT r.account_id, r.layer, ${daySums(byDay.sql('r.day', 6))}
            FROM r JOIN block USING (account_id, level, block)
           WHERE r.last_at < $5::timestamptz
             AND (NOT block.is_split OR r.day < ($5::timestamptz AT TIME ZONE 'UTC')::date)
           GROUP BY 1, 2, 3) s
  UNION ALL
  SELECT account_id, NULL, NULL, NULL, NULL, NULL, NULL, level, block, is_split FROM block`;

const childrenOf = `
    FROM unnest($1::bigint[], $2::bigint[]) AS given (account_id, block)
    JOIN ledger.account_rollup r ON r.account_id = given.account_id AND r.level = 0
     AND r.block >= given.block * 128 AND r.block < (given.block + 1) * 128`;
const onLastDay = `r.day = ($3::timestamptz AT TIME ZONE 'UTC')::date`;

const coveredChildren = `
  SELECT r.account_id, r.level, r.block,
         ${isSplit('$3::timestamptz')} AS is_split
  ${childrenOf} GROUP BY r.account_id, r.level, r.block`;

const wholeChildren = (byDay: DayOf): string => `
  SELECT r.account_id, r.layer, ${daySums(byDay.sql('r.day', 4))}
  ${childrenOf} WHERE ${onLastDay} AND ${beforeSplit('$3::timestamptz')}
   GROUP BY 1, 2, 3`;

const lineSums = (lines: string, byDay: DayOf): string => `
  SELECT e.account_id, e.layer, ${byDay.sql(`(e.effective_at AT TIME ZONE 'UTC')::date`, 11)} AS day, count(*) FILTER (WHERE e.amount > 0)::text AS debits,
         count(*) FILTER (WHERE e.amount < 0)::text AS credits,
         coalesce(sum(e.amount) FILTER (WHERE e.amount > 0), 0)::text AS debit,
         coalesce(-sum(e.amount) FILTER (WHERE e.amount < 0), 0)::text AS credit
    FROM ${lines} GROUP BY 1, 2, 3`;

/** Each line is looked up once for both. What is read of split blocks is of blocks that have sums. */
const sumsAndLines = (byDay: DayOf): string => `
  WITH e AS MATERIALIZED (SELECT e.* FROM ${runLines})
  SELECT * FROM (${lineSums('e', byDay)}) s
    FULL JOIN (${firstLines('(SELECT * FROM e WHERE e.since IS NULL) e', 12)}) l ON false`;
