import { randomUUID } from 'node:crypto';

import type { Database, Sql } from '@quittance/database';
import { appendToOutbox } from '@quittance/messaging';

import type { AttemptState } from '../attempt/attempt.js';
import { attemptOf, type Finding } from './finding.js';
import { applyFinding, type Outcome, type Watched, type WatchedAttempt } from './outcome.js';
import { paymentColumns, type PaymentRow, watchedOf } from './payment-row.js';
import type { Hex } from './payment.js';

type AttemptRow = {
  readonly payment_id: string;
  readonly n: number;
  readonly relayer: Hex;
  readonly state: AttemptState;
};

/** Writes what the chain says about payments, with the events that tell it. */
export class OutcomeRepository {
  constructor(private readonly database: Database) {}

  /** Applies findings in one transaction, and gives those that changed something. */
  async apply(findings: readonly Finding[]): Promise<readonly Outcome[]> {
    if (findings.length === 0) return [];
    return this.database.transaction(({ sql }) => this.applyWithin(sql, findings));
  }

  /** The same within the caller's transaction. Rows are locked in the order of their ids, so that two callers never deadlock. */
  async applyWithin(sql: Sql, findings: readonly Finding[]): Promise<readonly Outcome[]> {
    if (findings.length === 0) return [];
    const ids = [...new Set(findings.map(({ paymentId }) => paymentId))];
    const rows = await sql<PaymentRow>(lockPayments, [ids]);
    const attemptRows = await sql<AttemptRow>(readAttempts, [ids]);
    const payments = new Map<string, Watched>(rows.map((row) => [row.payment_id, watchedOf(row)]));
    const attempts = new Map<string, WatchedAttempt>(
      attemptRows.map((row) => [`${row.payment_id}/${row.n}`, row]),
    );
    const outcomes: Outcome[] = [];
    const at = new Date();
    for (const finding of findings) {
      const before = payments.get(finding.paymentId);
      if (before === undefined) continue;
      const key = `${finding.paymentId}/${attemptOf(finding) ?? 0}`;
      const attempt = attempts.get(key) ?? null;
      const outcome = applyFinding(before, attempt, { finding, stamp: { id: randomUUID(), at } });
      if (outcome.event === null && outcome.attempt === null && outcome.watched.standing === before.standing)
        continue;
      payments.set(finding.paymentId, outcome.watched);
      if (attempt !== null && outcome.attempt !== null)
        attempts.set(key, { ...attempt, state: outcome.attempt.state });
      outcomes.push(outcome);
    }
    await this.write(sql, outcomes);
    return outcomes;
  }

  private async write(sql: Sql, outcomes: readonly Outcome[]): Promise<void> {
    if (outcomes.length === 0) return;
    const newest = new Map(outcomes.map(({ watched }) => [watched.payment.paymentId, watched]));
    await sql(writePayments, paymentValues([...newest.values()]));
    const changed = outcomes.flatMap(({ watched, attempt }) =>
      attempt === null ? [] : [{ paymentId: watched.payment.paymentId, ...attempt }],
    );
    if (changed.length > 0) {
      await sql(writeAttempts, [
        changed.map(({ paymentId }) => paymentId),
        changed.map(({ n }) => n),
        changed.map(({ state }) => state),
        changed.map(({ cost }) => cost?.blockNumber ?? null),
        changed.map(({ cost }) => cost?.gasUsed ?? null),
        changed.map(({ cost }) => cost?.gasPrice ?? null),
        changed.map(({ cost }) => cost?.fee ?? null),
      ]);
    }
    await appendToOutbox(
      sql,
      'settlement',
      outcomes.flatMap(({ event }) => (event === null ? [] : [event])),
    );
  }
}

function paymentValues(watched: readonly Watched[]): unknown[] {
  return [
    watched.map(({ payment }) => payment.paymentId),
    watched.map(({ standing }) => standing.state),
    watched.map(({ lastEventId }) => lastEventId),
    watched.map(({ failureReason }) => failureReason),
    watched.map(({ settled }) => settled?.by ?? null),
    watched.map(({ settled }) => settled?.landing.transaction ?? null),
    watched.map(({ settled }) => settled?.landing.block.number ?? null),
    watched.map(({ settled }) => settled?.landing.block.hash ?? null),
    watched.map(({ settled }) => settled?.landing.block.time ?? null),
    watched.map(({ settled }) => settled?.landing.logIndex ?? null),
  ];
}

const lockPayments = `
  SELECT ${paymentColumns} FROM settlement.payment p WHERE p.payment_id = ANY ($1::uuid[]) ORDER BY p.payment_id FOR UPDATE`;

const readAttempts = `
  SELECT payment_id::text, n, relayer, state FROM settlement.attempt WHERE payment_id = ANY ($1::uuid[])`;

/** A payment that goes back to the queue is due at once. */
const writePayments = `
  UPDATE settlement.payment p
  SET state = w.state, last_event_id = w.last_event_id, failure_reason = w.failure_reason, settled_by = w.settled_by,
      settled_transaction = w.settled_transaction, settled_block_number = w.settled_block_number,
      settled_block_hash = w.settled_block_hash, settled_block_time = w.settled_block_time,
      settled_log_index = w.settled_log_index, retry_at = '-infinity', faults = 0, spent_seen_at = NULL, updated_at = now()
  FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[], $9::bigint[], $10::int[])
    AS w (payment_id, state, last_event_id, failure_reason, settled_by, settled_transaction, settled_block_number,
          settled_block_hash, settled_block_time, settled_log_index)
  WHERE p.payment_id = w.payment_id`;

const writeAttempts = `
  UPDATE settlement.attempt a
  SET state = w.state, block_number = w.block_number, gas_used = w.gas_used, gas_price = w.gas_price, fee = w.fee, updated_at = now()
  FROM unnest($1::uuid[], $2::int[], $3::text[], $4::bigint[], $5::numeric[], $6::numeric[], $7::numeric[])
    AS w (payment_id, n, state, block_number, gas_used, gas_price, fee)
  WHERE a.payment_id = w.payment_id AND a.n = w.n`;
