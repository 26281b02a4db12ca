import { Injectable } from '@nestjs/common';
import { Database } from '@quittance/database';

import { dayAfter, endOf, firstOfDay } from '../moment/moment.js';
import { type AccountSums, AccountSumsRepository, rollupsInCover } from '../rollup/account-sums.repository.js';
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
import { closingMoment, type StatementScope } from './statement.js';

export type LinesWanted = {
  readonly scope: StatementScope;
  readonly accountId: string;
  /** The last line of the page before. */
  readonly after: LinePlace | null;
  readonly limit: number;
};

type Covered = { account_id: string; level: number; block: string };
/**
 * Lines of a day in a block. Of a large block with many lines of the account: its small blocks that hold some of the day, or
 * may, and how many; null where the account is not rolled up.
 */
type Piece = {
  level: number;
  block: string;
  day: string;
  lines: number;
  /** How many pieces there are from this question's place on. */
  pieces: number;
  small_blocks: string[] | null;
  small_lines: (number | null)[] | null;
};
/** Where lines of one day are to be read, and about how many there are. */
type CountedRun = LineRun & { readonly lines: number };

/** So many pieces are looked at together. */
const piecesMax = 64;
/** Of a large block with so few lines of the account all are looked through: quicker than to ask which of its small ones hold some. */
const fewLines = 200;

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
      found.push(
        ...(await this.read({ ...wanted, after, limit: wanted.limit - found.length }, cover, joined(batch))),
      );
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
      for (const piece of pieces) yield* runsFrom(wanted, piece);
      const last = pieces.at(-1);
      if (last === undefined || pieces.length === last.pieces) return;
      day = last.day;
      start = runOf(last.level, BigInt(last.block)).end;
    }
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

/** The runs of a piece that are not before the page. */
function runsFrom({ accountId, after }: LinesWanted, piece: Piece): CountedRun[] {
  const { day } = piece;
  const from = day === after?.day ? BigInt(after.position) : 0n;
  const place = { accountId, from: firstOfDay(day), until: firstOfDay(dayAfter(day)) };
  return runsOf(piece)
    .filter((run) => run.end > from)
    .map((run) => ({ ...run, ...place }));
}

/** A small block is one run; a large one is those of its small blocks that hold lines of the day, or may. */
function runsOf({ level, block, lines, small_blocks: smallBlocks, small_lines: smallLines }: Piece) {
  if (smallBlocks === null || smallLines === null) return [{ ...runOf(level, BigInt(block)), lines }];
  const counted = smallLines.reduce<number>((sum, own) => sum + (own ?? 0), 0);
  const uncounted = smallLines.filter((own) => own === null).length;
  // What is not counted is taken to be spread evenly.
  const expected = (lines - counted) / Math.max(1, uncounted);
  return smallBlocks.map((small, index) => ({
    ...runOf(0, BigInt(small)),
    lines: smallLines[index] ?? expected,
  }));
}

/** Days of one run are read together, and neighbours that are of the same days. */
function joined(runs: readonly CountedRun[]): CountedRun[] {
  const byPositions = Map.groupBy(runs, ({ start, end }) => `${start} ${end}`);
  // Days rise, and of those between none has lines here.
  const ofDays = [...byPositions.values()].map((own) => ({ ...own[0], until: own.at(-1)?.until }) as CountedRun);
  const kept: CountedRun[] = [];
  for (const run of ofDays.sort((a, b) => (a.start < b.start ? -1 : 1))) {
    const last = kept.at(-1);
    if (last?.end === run.start && last.from === run.from && last.until === run.until) {
      kept[kept.length - 1] = { ...last, end: run.end };
    } else kept.push(run);
  }
  return kept;
}

const coveredBlocks = `
  SELECT DISTINCT r.account_id, r.level, r.block FROM ${rollupsInCover} r WHERE r.account_id = ANY ($1::bigint[])`;

const blockStart = `(r.block * CASE r.level WHEN 0 THEN 1024 ELSE 131072 END)`;
const blockEnd = `((r.block + 1) * CASE r.level WHEN 0 THEN 1024 ELSE 131072 END)`;

/** No more pieces than the page can need. Blocks in which nothing of the account's kind is of the day are not looked into. */
const nextPieces = `
  WITH piece AS MATERIALIZED (
    SELECT r.level, r.block, r.day, r.debits + r.credits AS lines, ${blockStart} AS start,
           sum(r.debits + r.credits) OVER (ORDER BY r.day, ${blockStart}) AS lines_until
      FROM ${rollupsInCover} r
     WHERE r.account_id = $1 AND r.layer = $5::ledger.layer AND r.day <= $6::date
       AND (r.day > $7::date OR (r.day = $7::date AND ${blockEnd} > $8::bigint)))
  SELECT p.level, p.block, p.day::text AS day, p.lines, (SELECT count(*) FROM piece)::integer AS pieces,
         small.blocks AS small_blocks, small.lines AS small_lines
    FROM (SELECT * FROM piece WHERE lines_until - lines < $9::integer ORDER BY day, start LIMIT ${piecesMax}) p
   CROSS JOIN LATERAL (
     SELECT sum(o.debits + o.credits) AS lines FROM ledger.account_rollup o
      WHERE p.level = 1 AND o.account_id = $1 AND o.level = 1 AND o.block = p.block) whole
   CROSS JOIN LATERAL (
     WITH own AS MATERIALIZED (
       SELECT o.block, (coalesce(sum(o.debits + o.credits) FILTER (WHERE o.layer = $5::ledger.layer AND o.day = p.day), 0))::integer AS lines
         FROM ledger.account_rollup o
        WHERE o.account_id = $1 AND o.level = 0 AND o.block >= p.block * 128 AND o.block < (p.block + 1) * 128
        GROUP BY o.block)
     SELECT array_agg(s.block ORDER BY s.block)::text[] AS blocks, array_agg(s.lines ORDER BY s.block) AS lines
       FROM (SELECT own.block, own.lines FROM own WHERE own.lines > 0
             UNION ALL
             SELECT b.block, NULL::integer
               FROM (SELECT number AS block FROM generate_series(p.block * 128, p.block * 128 + 127) number
                     EXCEPT ALL SELECT own.block FROM own) b
              CROSS JOIN LATERAL (
                SELECT FROM ledger.head_rollup h
                 WHERE h.level = 0 AND h.block = b.block AND h.span = 'day'
                   AND h.starts_at = p.day::timestamp AT TIME ZONE 'UTC'
                   AND h.head = ledger.account_head($10) AND h.layer = $5::ledger.layer LIMIT 1) h) s
      WHERE whole.lines > ${fewLines}) small
   ORDER BY p.day, p.start`;

const linesOfRuns = firstLines(runLines, 11);
