import { Injectable } from '@nestjs/common';
import { Database } from '@quittance/database';

import { dayAfter, dayOf, endOf, firstOfDay } from '../moment/moment.js';
import { uncoveredRuns, lineValues, type LineRun, runLines } from '../rollup/account-sums.repository.js';
import { blocksInLarge, type Cover, gapsOf, runOf } from '../rollup/block.js';
import { BlockRepository } from '../rollup/block.repository.js';
import { closingMoment, type StatementScope } from './statement.js';

/** A place in a statement: lines are by day, then by position in the sealed order. */
export type LinePlace = { readonly day: string; readonly position: string; readonly line: number };

export type FoundLine = LinePlace & { readonly transactionId: string; readonly amount: string };

export type LinesWanted = {
  readonly scope: StatementScope;
  readonly accountId: string;
  /** The last line of the page before. */
  readonly after: LinePlace | null;
  readonly limit: number;
};

/** Lines of a day in a block; `lines` counts those of the wanted layer. */
type Piece = { level: number; block: string; day: string; lines: number; block_lines: number };
type Covered = { account_id: string; level: number; block: string };
/** Where lines of one day are to be read, and how many there are at least. */
type CountedRun = LineRun & { readonly lines: number };

/** So many pieces are looked at together. */
const piecesMax = 64;
/** Of a large block with so few lines of the account all are looked through: quicker than to ask which of its small ones hold some. */
const fewLines = 2_000;

/**
 * Finds the lines of a statement page without reading those before it: blocks that are rolled up say how many lines of a day
 * they hold, so that only those are opened that hold lines of the page.
 */
@Injectable()
export class LineWalkRepository {
  constructor(
    private readonly database: Database,
    private readonly blocks: BlockRepository,
  ) {}

  async lines(wanted: LinesWanted): Promise<FoundLine[]> {
    const { scope, accountId, limit } = wanted;
    const cover = await this.blocks.cover(scope.moment.size);
    const covered = await this.database.sql<Covered>(coveredBlocks, [
      [accountId],
      cover.largeEnd,
      cover.smallStart,
      cover.smallEnd,
    ]);
    const loose = uncoveredRuns([accountId], cover, covered);
    const [few, many] = await Promise.all([
      this.read(wanted, cover, loose),
      covered.length === 0 ? [] : this.walk(wanted, cover),
    ]);
    return [...few, ...many].sort(byPlace).slice(0, limit);
  }

  /** The first lines of rolled-up blocks, in order. */
  private async walk(wanted: LinesWanted, cover: Cover): Promise<FoundLine[]> {
    const found: FoundLine[] = [];
    let batch: CountedRun[] = [];
    let lines = 0;
    const readBatch = async (): Promise<void> => {
      const after = found.at(-1) ?? wanted.after;
      found.push(
        ...(await this.read({ ...wanted, after, limit: wanted.limit - found.length }, cover, batch)),
      );
      [batch, lines] = [[], 0];
    };
    for await (const run of this.runs(wanted, cover)) {
      if (batch.length > 0 && lines >= wanted.limit - found.length) await readBatch();
      if (found.length >= wanted.limit) return found;
      batch.push(run);
      lines += run.lines;
    }
    if (batch.length > 0) await readBatch();
    return found;
  }

  /** Where the lines are, by day and position, from the place of the page on. */
  private async *runs(wanted: LinesWanted, cover: Cover): AsyncGenerator<CountedRun> {
    const { scope, accountId, after } = wanted;
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
      ]);
      for (const piece of pieces) yield* await this.runsFrom(wanted, piece);
      const last = pieces.at(-1);
      if (pieces.length < piecesMax || last === undefined) return;
      day = last.day;
      start = runOf(last.level, BigInt(last.block)).end;
    }
  }

  /** Those of a piece that are not before the page. */
  private async runsFrom(wanted: LinesWanted, piece: Piece): Promise<CountedRun[]> {
    const { after } = wanted;
    const from = piece.day === after?.day ? BigInt(after.position) : 0n;
    return (await this.runsOf(wanted, piece)).filter((run) => run.end > from);
  }

  /** A small block is one run; a large one is those of its small blocks that hold lines of the day, or may. */
  private async runsOf(
    { scope, accountId }: LinesWanted,
    { level, block, day, lines, block_lines: blockLines }: Piece,
  ): Promise<CountedRun[]> {
    const place = { accountId, from: firstOfDay(day), until: firstOfDay(dayAfter(day)) };
    const own = runOf(level, BigInt(block));
    if (level === 0 || blockLines <= fewLines) return [{ ...own, ...place, lines }];
    const first = BigInt(block) * blocksInLarge;
    const children = await this.database.sql<{ block: string; lines: number }>(childBlocks, [
      accountId,
      first,
      first + blocksInLarge,
      scope.layer,
      day,
    ]);
    const counted = children.map((child) => ({ ...runOf(0, BigInt(child.block)), lines: child.lines }));
    const loose = gapsOf({ size: own.end }, [{ start: 0n, end: own.start }, ...counted]);
    return [
      ...counted.filter((child) => child.lines > 0),
      // Few in each of its blocks: they are not counted on.
      ...loose.map((gap) => ({ ...gap, lines: 0 })),
    ]
      .sort((a, b) => (a.start < b.start ? -1 : 1))
      .map((run) => ({ ...run, ...place }));
  }

  private async read(
    { scope, after, limit }: LinesWanted,
    cover: Cover,
    runs: readonly LineRun[],
  ): Promise<FoundLine[]> {
    if (runs.length === 0 || limit <= 0) return [];
    const end = endOf(closingMoment(scope));
    const rows = await this.database.sql<Omit<FoundLine, 'day'> & { effective_at: Date }>(linesOfRuns, [
      ...lineValues(runs, cover, end),
      scope.layer,
      firstOfDay(scope.from),
      after?.day ?? null,
      after?.position ?? null,
      after?.line ?? null,
      limit,
    ]);
    return rows.map(({ effective_at: at, ...row }) => ({ ...row, day: dayOf(at.toISOString()) }));
  }
}

function byPlace(a: LinePlace, b: LinePlace): number {
  if (a.day !== b.day) return a.day < b.day ? -1 : 1;
  const [left, right] = [BigInt(a.position), BigInt(b.position)];
  return left === right ? a.line - b.line : left < right ? -1 : 1;
}

const inCover = `((r.level = 1 AND r.block < $2) OR (r.level = 0 AND r.block >= $3 AND r.block < $4))`;

const coveredBlocks = `
  SELECT DISTINCT r.account_id, r.level, r.block FROM ledger.account_rollup r
   WHERE r.account_id = ANY ($1::bigint[]) AND ${inCover}`;

const blockStart = `(r.block * CASE r.level WHEN 0 THEN 1024 ELSE 131072 END)`;
const blockEnd = `((r.block + 1) * CASE r.level WHEN 0 THEN 1024 ELSE 131072 END)`;

const nextPieces = `
  SELECT r.level, r.block, r.day::text AS day, r.debits + r.credits AS lines,
         (SELECT sum(o.debits + o.credits)::integer FROM ledger.account_rollup o
           WHERE o.account_id = r.account_id AND o.level = r.level AND o.block = r.block) AS block_lines
    FROM ledger.account_rollup r
   WHERE r.account_id = $1 AND ${inCover} AND r.layer = $5::ledger.layer AND r.day <= $6::date
     AND (r.day > $7::date OR (r.day = $7::date AND ${blockEnd} > $8::bigint))
   ORDER BY r.day, ${blockStart} LIMIT ${piecesMax}`;

const childBlocks = `
  SELECT r.block, (coalesce(sum(r.debits + r.credits) FILTER (WHERE r.layer = $4::ledger.layer AND r.day = $5::date), 0))::integer AS lines
    FROM ledger.account_rollup r
   WHERE r.account_id = $1 AND r.level = 0 AND r.block >= $2 AND r.block < $3 GROUP BY r.block`;

const linesOfRuns = `
  SELECT e.transaction_id AS "transactionId", e.line, e.amount::text AS amount, e.position::text AS position, e.effective_at
    FROM ${runLines}
   WHERE e.layer = $11::ledger.layer AND e.effective_at >= $12::timestamptz
     AND ($13::date IS NULL OR ((e.effective_at AT TIME ZONE 'UTC')::date, e.position, e.line)
                               > ($13::date, $14::bigint, $15::smallint))
   ORDER BY (e.effective_at AT TIME ZONE 'UTC')::date, e.position, e.line LIMIT $16`;
