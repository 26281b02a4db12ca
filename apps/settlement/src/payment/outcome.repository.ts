import { randomUUID } from 'node:crypto';

import type { Database, Sql } from '@quittance/database';
import type { QuittanceEvent } from '@quittance/events';

import { attemptOf, type Finding } from './finding.js';
import { lockWatched, writeChanges, type WatchedRows } from './watched.repository.js';
import { applyFinding, blockOf, type Outcome, type Watched } from './outcome.js';
import type { Stamp } from './settlement-event.js';

/** Writes what the chain says about payments, with the events that tell it. */
export class OutcomeRepository {
  constructor(private readonly database: Database) {}

  /**
   * Applies findings in one transaction, and gives those that changed something. One that stands in a block which the
   * follower has not applied is left out: nobody would notice that block leaving the chain. It will be found again.
   */
  async apply(findings: readonly Finding[]): Promise<readonly Outcome[]> {
    if (findings.length === 0) return [];
    return this.database.transaction(async ({ sql, commit }) => {
      const applied = await inAppliedBlocks(sql, findings);
      const rows = await lockFound(sql, applied);
      return commit(writeOutcomes(sql, applyAll(rows, applied)));
    });
  }
}

/** Reads and locks the payments that findings are about. */
export function lockFound(sql: Sql, findings: readonly Finding[]): Promise<WatchedRows> {
  return lockWatched(sql, [...new Set(findings.map(({ paymentId }) => paymentId))]);
}

/** Writes outcomes. The events go out last, after those that the caller has to tell alongside. */
export async function writeOutcomes(
  sql: Sql,
  outcomes: readonly Outcome[],
  alongside: readonly QuittanceEvent[] = [],
): Promise<readonly Outcome[]> {
  await writeChanges(sql, {
    payments: [...new Map(outcomes.map(({ watched }) => [watched.payment.paymentId, watched])).values()],
    attempts: lastOfEach(outcomes),
    events: [...alongside, ...outcomes.flatMap(({ event }) => (event === null ? [] : [event]))],
  });
  return outcomes;
}

/** What findings come to; those that change nothing are left out. */
export function applyAll({ payments, attempts }: WatchedRows, findings: readonly Finding[]): Outcome[] {
  const outcomes: Outcome[] = [];
  const at = new Date();
  for (const finding of findings) {
    const before = payments.get(finding.paymentId);
    if (before === undefined || isTaken(finding, payments)) continue;
    const known = attempts.get(finding.paymentId);
    const attempt = known?.get(attemptOf(finding) ?? 0) ?? null;
    const stamp: Stamp = { id: randomUUID(), at };
    const outcome = applyFinding(before, attempt, { finding, stamp });
    if (isNothing(outcome, before)) continue;
    payments.set(finding.paymentId, outcome.watched);
    if (attempt !== null && outcome.attempt !== null)
      known?.set(attempt.n, { ...attempt, state: outcome.attempt.state });
    outcomes.push(outcome);
  }
  return outcomes;
}

function isNothing({ event, attempt, watched }: Outcome, before: Watched): boolean {
  return event === null && attempt === null && watched.standing === before.standing;
}

/** One transfer pays one payment; who else it was thought to pay is searched for again. */
function isTaken(finding: Finding, payments: WatchedRows['payments']): boolean {
  if (finding.type !== 'landed' || payments.get(finding.paymentId)?.payment.method !== 'permit2')
    return false;
  const { transaction, logIndex } = finding.landing;
  return [...payments.values()].some(
    ({ payment, settled }) =>
      payment.paymentId !== finding.paymentId &&
      payment.method === 'permit2' &&
      settled?.landing.transaction === transaction &&
      settled.landing.logIndex === logIndex,
  );
}

function lastOfEach(outcomes: readonly Outcome[]) {
  const changes = outcomes.flatMap(({ watched, attempt }) =>
    attempt === null ? [] : [{ paymentId: watched.payment.paymentId, ...attempt }],
  );
  return [...new Map(changes.map((change) => [`${change.paymentId}/${change.n}`, change])).values()];
}

async function inAppliedBlocks(sql: Sql, findings: readonly Finding[]): Promise<readonly Finding[]> {
  const placed = findings.flatMap((finding) => {
    const block = blockOf(finding);
    return block === null ? [] : [{ finding, block }];
  });
  if (placed.length === 0) return findings;
  const rows = await sql<{ ordinal: number }>(lockAppliedBlocks, [
    placed.map((_, index) => index),
    placed.map(({ finding }) => finding.paymentId),
    placed.map(({ block }) => block.number),
    placed.map(({ block }) => block.hash),
  ]);
  const applied = new Set(rows.map(({ ordinal }) => placed[ordinal]?.finding));
  return findings.filter((finding) => blockOf(finding) === null || applied.has(finding));
}

/** The cursor stays where it is until the end of the transaction. Not every block's hash is known. */
const lockAppliedBlocks = `
  SELECT f.ordinal
  FROM unnest($1::int[], $2::uuid[], $3::bigint[], $4::text[]) AS f (ordinal, payment_id, block_number, block_hash)
  JOIN settlement.payment p ON p.payment_id = f.payment_id
  JOIN settlement.follower_cursor c ON c.chain_id = p.chain_id
  WHERE f.block_number <= c.block_number
    AND NOT EXISTS (SELECT FROM settlement.block b
                    WHERE b.chain_id = p.chain_id AND b.block_number = f.block_number AND b.block_hash <> f.block_hash)
  FOR SHARE OF c`;
