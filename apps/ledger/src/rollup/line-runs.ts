import { dayOf, firstOfDay } from '../moment/moment.js';
import type { Layer } from '../posting/line.js';
import { type Cover, gapsOf, type Run, runOf } from './block.js';

/** Lines to be read one by one: an account's in a run of the sealed order, from a time on and up to one, if told. */
export type LineRun = Run & {
  readonly accountId: string;
  readonly from: string | null;
  readonly until?: string | null;
};

/** A place in a statement: lines are by day, then by position in the sealed order. */
export type LinePlace = { readonly day: string; readonly position: string; readonly line: number };

/** As the database gives it, with what of its transaction a statement tells. */
export type LineRow = {
  transactionId: string;
  line: number;
  amount: string;
  position: string;
  event_type: string;
  payment_id: string | null;
  chain_transaction: string | null;
  effective_at: Date;
  occurred_at: Date;
  recorded_at: Date;
};
export type FoundLine = LinePlace & Readonly<LineRow>;

/** The first lines of a layer, by place. */
export type FirstLines = {
  readonly layer: Layer;
  readonly from: string;
  /** The last line before them. */
  readonly after: LinePlace | null;
  readonly limit: number;
};

export const foundLine = (row: LineRow): FoundLine => ({
  ...row,
  day: dayOf(row.effective_at.toISOString()),
});

export function byPlace(a: LinePlace, b: LinePlace): number {
  if (a.day !== b.day) return a.day < b.day ? -1 : 1;
  const [left, right] = [BigInt(a.position), BigInt(b.position)];
  return left === right ? a.line - b.line : left < right ? -1 : 1;
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
             t.payment_id, t.chain_transaction, t.occurred_at, t.recorded_at, run.since
        FROM ledger.entry e
        JOIN ledger.leaf f ON f.transaction_id = e.transaction_id
        JOIN ledger.transaction t ON t.id = e.transaction_id
       WHERE e.account_id = run.account_id AND e.transaction_id >= ids.lowest AND e.transaction_id <= ids.highest
         AND f.position >= run.first AND f.position < run.past
         AND t.effective_at < $5::timestamptz AND (run.since IS NULL OR t.effective_at >= run.since)
         AND (run.until IS NULL OR t.effective_at < run.until)) e`;

/** The values of `firstLines`. */
export const firstValues = ({ layer, from, after, limit }: FirstLines): unknown[] => [
  layer,
  firstOfDay(from),
  after?.day ?? null,
  after?.position ?? null,
  after?.line ?? null,
  limit,
];

/** The first of some lines; `place` is where its values begin. */
export const firstLines = (lines: string, place: number): string => `
  SELECT e.transaction_id AS "transactionId", e.line, e.amount::text AS amount, e.position::text AS position,
         e.event_type, e.payment_id, e.chain_transaction, e.effective_at, e.occurred_at, e.recorded_at
    FROM ${lines}
   WHERE e.layer = $${place}::ledger.layer AND e.effective_at >= $${place + 1}::timestamptz
     AND ($${place + 2}::date IS NULL OR ((e.effective_at AT TIME ZONE 'UTC')::date, e.position, e.line)
                               > ($${place + 2}::date, $${place + 3}::bigint, $${place + 4}::smallint))
   ORDER BY (e.effective_at AT TIME ZONE 'UTC')::date, e.position, e.line LIMIT $${place + 5}`;
