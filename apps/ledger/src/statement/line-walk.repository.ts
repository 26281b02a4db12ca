import { Injectable } from '@nestjs/common';
import { Database } from '@quittance/database';

import { dayAfter, dayOf, endOf, firstOfDay } from '../moment/moment.js';
import {
  type AccountSums,
  AccountSumsRepository,
  rollupsInCover,
} from '../rollup/account-sums.repository.js';
import { type Cover, runOf } from '../rollup/block.js';
import { BlockRepository } from '../rollup/block.repository.js';
import {
  byPlace,
  firstLines,
  firstValues,
  foundLine,
  type FoundLine,
  type LinePlace,
  type LineRow,
  type LineRun,
  lineValues,
  runLines,
  uncoveredRuns,
} from '../rollup/line-runs.js';
import { type CountedRun, joined, nextPieces, ofDays, type Piece, runsFrom } from './line-piece.js';
import { closingMoment, type StatementScope } from './statement.js';

export type LinesWanted = {
  readonly scope: StatementScope;
  readonly accountId: string;
  /** The last line of the page before. */
  readonly after: LinePlace | null;
  readonly limit: number;
};

type Covered = { account_id: string; level: number; block: string };
/** Where at least one position in so many is a line of the account, the order is read in a row; else line by line. */
const denseShare = 40;

/**
 * Finds the lines of a statement page without reading those before it: blocks that are rolled up say how many lines of a day
 * they hold, so that only those are opened that hold lines of the page.
 */
@Injectable()
export class LineWalkRepository {
  constructor(
    private readonly database: Database,
    private readonly blocks: BlockRepository,
    private readonly sums: AccountSumsRepository,
  ) {}

  async lines(wanted: LinesWanted): Promise<FoundLine[]> {
    const cover = await this.blocks.cover(wanted.scope.moment.size);
    const [few, many] = await Promise.all([this.looseLines(wanted, cover), this.walk(wanted, cover)]);
    return firstOf(few, many, wanted.limit);
  }

  /** With the sums of the account at the end, before the first day and from it on. */
  async linesAndSums(wanted: LinesWanted): Promise<{ found: FoundLine[]; sums: AccountSums[] }> {
    const { scope, accountId, after, limit } = wanted;
    const { layer, from } = scope;
    const cover = await this.blocks.cover(scope.moment.size);
    const query = { accountIds: [accountId], moment: closingMoment(scope), by: { from } };
    const [{ sums, lines }, many] = await Promise.all([
      this.sums.withLines(query, cover, { layer, from, after, limit }),
      this.walk(wanted, cover),
    ]);
    return { found: firstOf(lines, many, limit), sums };
  }

  /** The first lines of blocks that do not have the account's sums. */
  private async looseLines(wanted: LinesWanted, cover: Cover): Promise<FoundLine[]> {
    const accountIds = [wanted.accountId];
    const covered = await this.database.sql<Covered>(coveredBlocks, [
      accountIds,
      cover.largeEnd,
      cover.smallStart,
      cover.smallEnd,
    ]);
    return this.read(wanted, cover, uncoveredRuns(accountIds, cover, covered));
  }

  /** The first lines of rolled-up blocks, in order. */
  private async walk(wanted: LinesWanted, cover: Cover): Promise<FoundLine[]> {
    const found: FoundLine[] = [];
    let batch: CountedRun[] = [];
    let lines = 0;
    const readBatch = async (): Promise<void> => {
      const after = found.at(-1) ?? wanted.after;
      const rest = { ...wanted, after, limit: wanted.limit - found.length };
      const isOneDay = batch.every(({ from }) => from === batch[0]?.from);
      found.push(...(await (isOneDay ? this.readDay(rest, batch) : this.read(rest, cover, ofDays(batch)))));
      [batch, lines] = [[], 0];
    };
    for await (const run of this.runs(wanted, cover)) {
      batch.push(run);
      lines += run.lines;
      if (lines >= wanted.limit - found.length) await readBatch();
      if (found.length >= wanted.limit) return found;
    }
    if (batch.length > 0) await readBatch();
    return found;
  }

  /** Where the lines are, by day and position, from the place of the page on. */
  private async *runs(wanted: LinesWanted, cover: Cover): AsyncGenerator<CountedRun> {
    const { scope, accountId, after, limit } = wanted;
    let day = after?.day ?? scope.from;
    let start = BigInt(after?.position ?? 0);
    for (;;) {
      const pieces = await this.database.sql<Piece>(nextPieces, [
        accountId,
        cover.largeEnd,
        cover.smallStart,
        cover.smallEnd,
        scope.layer,
        scope.to,
        day,
        start,
        limit,
        scope.account,
      ]);
      for (const piece of pieces) yield* runsFrom(accountId, after, piece);
      const last = pieces.at(-1);
      if (last === undefined || pieces.length === last.pieces) return;
      day = last.day;
      start = runOf(last.level, BigInt(last.block)).end;
    }
  }

  /** Lines of one day: no more of them are looked up than are wanted. */
  private async readDay(
    { scope, accountId, after, limit }: LinesWanted,
    batch: readonly CountedRun[],
  ): Promise<FoundLine[]> {
    const runs = joined(batch);
    const [{ from = firstOfDay(scope.from) } = {}] = runs;
    const day = dayOf(from);
    const place = after?.day === day ? after : null;
    const end = endOf(closingMoment(scope));
    const until = firstOfDay(dayAfter(day));
    const rows = await this.database.sql<LineRow>(linesOfDay, [
      accountId,
      runs.map(({ start }) => start),
      runs.map((run) => run.end),
      runs.map((run) => run.lines * denseShare >= Number(run.end - run.start)),
      from,
      until < end ? until : end,
      scope.layer,
      place?.position ?? null,
      place?.line ?? null,
      limit,
    ]);
    return rows.map(foundLine);
  }

  private async read(
    { scope, after, limit }: LinesWanted,
    cover: Cover,
    runs: readonly LineRun[],
  ): Promise<FoundLine[]> {
    if (runs.length === 0 || limit <= 0) return [];
    const rows = await this.database.sql<LineRow>(linesOfRuns, [
      ...lineValues(runs, cover, endOf(closingMoment(scope))),
      ...firstValues({ layer: scope.layer, from: scope.from, after, limit }),
    ]);
    return rows.map(foundLine);
  }
}

const firstOf = (few: readonly FoundLine[], many: readonly FoundLine[], limit: number): FoundLine[] =>
  [...few, ...many].sort(byPlace).slice(0, limit);

const coveredBlocks = `
  SELECT DISTINCT r.account_id, r.level, r.block FROM ${rollupsInCover} r WHERE r.account_id = ANY ($1::bigint[])`;

const linesOfRuns = firstLines(runLines, 11);

const ofRun = (columns: string): string => `
        SELECT ${columns} FROM ledger.entry x
         WHERE x.account_id = $1 AND x.transaction_id >= ids.low AND x.transaction_id <= ids.high`;

/**
 * In order of position. Where there are many lines an index alone tells it, and what is on them is looked up for those that the
 * page needs, and for those before them that turn out to be of another day or layer.
 */
const linesOfDay = `
  SELECT place.transaction_id AS "transactionId", place.line, coalesce(place.amount, e.amount)::text AS amount,
         place.position::text AS position,
         t.event_type, t.payment_id, t.chain_transaction, t.effective_at, t.occurred_at, t.recorded_at
    FROM (
      SELECT c.transaction_id, c.line, c.position, c.amount
        FROM unnest($2::bigint[], $3::bigint[], $4::boolean[]) AS run (first, past, is_dense)
       CROSS JOIN LATERAL (
         SELECT min(b.first_transaction) AS low, max(b.last_transaction) AS high FROM ledger.rollup b
          WHERE b.level = 0 AND b.block >= run.first / 1024 AND b.block <= (run.past - 1) / 1024) ids
       CROSS JOIN LATERAL (
         SELECT e.transaction_id, e.line, f.position, NULL::numeric AS amount
           FROM (${ofRun('x.transaction_id, x.line')} AND run.is_dense OFFSET 0) e
           JOIN (SELECT x.transaction_id, x.position FROM ledger.leaf x
                  WHERE run.is_dense AND x.position >= run.first AND x.position < run.past OFFSET 0) f
             ON f.transaction_id = e.transaction_id
         UNION ALL
         SELECT e.transaction_id, e.line, f.position, e.amount
           FROM (${ofRun('x.transaction_id, x.line, x.amount')} AND NOT run.is_dense AND x.layer = $7::ledger.layer OFFSET 0) e
          CROSS JOIN LATERAL (
            SELECT x.position FROM ledger.leaf x WHERE x.transaction_id = e.transaction_id OFFSET 0) f
          WHERE f.position >= run.first AND f.position < run.past) c
       WHERE $8::bigint IS NULL OR (c.position, c.line) > ($8::bigint, $9::smallint)
       ORDER BY c.position, c.line OFFSET 0) place
   CROSS JOIN LATERAL (
     SELECT x.event_type, x.payment_id, x.chain_transaction, x.effective_at, x.occurred_at, x.recorded_at
       FROM ledger.transaction x WHERE x.id = place.transaction_id OFFSET 0) t
    LEFT JOIN LATERAL (
     SELECT x.amount, x.layer FROM ledger.entry x
      WHERE place.amount IS NULL AND x.transaction_id = place.transaction_id AND x.line = place.line OFFSET 0) e ON true
   WHERE t.effective_at >= $5::timestamptz AND t.effective_at < $6::timestamptz
     AND (place.amount IS NOT NULL OR e.layer = $7::ledger.layer)
   ORDER BY place.position, place.line LIMIT $10`;
