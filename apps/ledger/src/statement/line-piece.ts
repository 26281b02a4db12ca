import { dayAfter, firstOfDay } from '../moment/moment.js';
import { rollupsInCover } from '../rollup/account-sums.repository.js';
import { type Run, runOf } from '../rollup/block.js';
import type { LinePlace, LineRun } from '../rollup/line-runs.js';

/**
 * Lines of a day in a block. Of a large block with many lines of the account: its small blocks that hold some of the day, or
 * may, and how many; null where the account is not rolled up.
 */
export type Piece = {
  level: number;
  block: string;
  day: string;
  lines: number;
  /** How many pieces there are from this question's place on. */
  pieces: number;
  small_blocks: string[] | null;
  small_lines: (number | null)[] | null;
  /** Where it is not, how many lines of the day all accounts of its kind have there. */
  small_kin_lines: number[] | null;
};
/** Where lines of one day are to be read, and about how many there are. */
export type CountedRun = LineRun & { readonly from: string; readonly until: string; readonly lines: number };

/** So many pieces are looked at together. */
const piecesMax = 64;
/** Of a large block with so few lines of the account all are looked through: quicker than to ask which of its small ones hold some. */
const fewLines = 40;
/** The runs of a piece that are not before the page. */
export function runsFrom(accountId: string, after: LinePlace | null, piece: Piece): CountedRun[] {
  const { day } = piece;
  const from = day === after?.day ? BigInt(after.position) : 0n;
  const place = { accountId, from: firstOfDay(day), until: firstOfDay(dayAfter(day)) };
  return runsOf(piece)
    .filter((run) => run.end > from)
    .map((run) => ({ ...run, ...place }));
}

/** A small block is one run; a large one is those of its small blocks that hold lines of the day, or may. */
function runsOf(piece: Piece): (Run & { readonly lines: number })[] {
  const { level, block, lines, small_blocks: blocks, small_lines: counts, small_kin_lines: kin } = piece;
  if (blocks === null || counts === null || kin === null) return [{ ...runOf(level, BigInt(block)), lines }];
  const counted = counts.reduce<number>((sum, own) => sum + (own ?? 0), 0);
  const kinLines = kin.reduce((sum, own) => sum + own, 0);
  // What is not counted is taken to be spread as the lines of its kind are.
  const share = (lines - counted) / Math.max(1, kinLines);
  return blocks.map((small, index) => ({
    ...runOf(0, BigInt(small)),
    lines: counts[index] ?? (kin[index] ?? 0) * share,
  }));
}

/** Neighbours of one day are read as one. */
export function joined(runs: readonly CountedRun[]): CountedRun[] {
  const kept: CountedRun[] = [];
  for (const run of runs) {
    const last = kept.at(-1);
    if (last?.end === run.start && last.from === run.from && last.until === run.until) {
      kept[kept.length - 1] = { ...last, end: run.end, lines: last.lines + run.lines };
    } else kept.push(run);
  }
  return kept;
}

/** Days of one run are read together, and neighbours that are of the same days. */
export function ofDays(runs: readonly CountedRun[]): CountedRun[] {
  const byPositions = Map.groupBy(runs, ({ start, end }) => `${start} ${end}`);
  // Days rise, and of those between none has lines here.
  const whole = [...byPositions.values()].flatMap(([first, ...more]) =>
    first === undefined ? [] : [{ ...first, until: (more.at(-1) ?? first).until }],
  );
  return joined(whole.sort((a, b) => (a.start < b.start ? -1 : 1)));
}

const blockStart = `(r.block * CASE r.level WHEN 0 THEN 1024 ELSE 131072 END)`;
const blockEnd = `((r.block + 1) * CASE r.level WHEN 0 THEN 1024 ELSE 131072 END)`;

/** No more pieces than the page can need. Blocks in which nothing of the account's kind is of the day are not looked into. */
export const nextPieces = `
  WITH piece AS MATERIALIZED (
    SELECT r.level, r.block, r.day, r.debits + r.credits AS lines, ${blockStart} AS start,
           sum(r.debits + r.credits) OVER (ORDER BY r.day, ${blockStart}) AS lines_until
      FROM ${rollupsInCover} r
     WHERE r.account_id = $1 AND r.layer = $5::ledger.layer AND r.day <= $6::date
       AND (r.day > $7::date OR (r.day = $7::date AND ${blockEnd} > $8::bigint)))
  SELECT p.level, p.block, p.day::text AS day, p.lines, (SELECT count(*) FROM piece)::integer AS pieces,
         small.blocks AS small_blocks, small.lines AS small_lines, small.kin_lines AS small_kin_lines
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
     SELECT array_agg(s.block ORDER BY s.block)::text[] AS blocks, array_agg(s.lines ORDER BY s.block) AS lines,
            array_agg(s.kin_lines ORDER BY s.block) AS kin_lines
       FROM (SELECT own.block, own.lines, 0 AS kin_lines FROM own WHERE own.lines > 0
             UNION ALL
             SELECT h.block, NULL::integer, sum(h.debits + h.credits)::integer FROM ledger.head_rollup h
              WHERE h.level = 0 AND h.span = 'day' AND h.starts_at = p.day::timestamp AT TIME ZONE 'UTC'
                AND h.head = ledger.account_head($10) AND h.layer = $5::ledger.layer
                AND h.block >= p.block * 128 AND h.block < (p.block + 1) * 128
                AND NOT EXISTS (SELECT FROM own WHERE own.block = h.block)
              GROUP BY h.block) s
      WHERE whole.lines > ${fewLines}) small
   ORDER BY p.day, p.start`;
