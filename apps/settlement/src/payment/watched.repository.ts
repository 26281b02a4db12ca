import type { Sql } from '@quittance/database';
import type { QuittanceEvent } from '@quittance/events';
import { emitEvents } from '@quittance/messaging';
import type { PaymentId } from '@quittance/protocol';

import type { AttemptState } from '../batch/batch.js';
import type { AttemptChange, Watched, WatchedAttempt } from './outcome.js';
import { paymentColumns, type PaymentRow, watchedOf } from './payment-row.js';
import type { Hex } from './payment.js';

export type WatchedRows = {
  readonly payments: Map<PaymentId, Watched>;
  /** By payment, then by number. */
  readonly attempts: ReadonlyMap<PaymentId, Map<number, WatchedAttempt>>;
};

/** What changed, each payment and each attempt once, in their last form. */
export type Changes = {
  readonly payments: readonly Watched[];
  readonly attempts: readonly (AttemptChange & { readonly paymentId: PaymentId })[];
  readonly events: readonly QuittanceEvent[];
};

type AttemptRow = {
  readonly payment_id: PaymentId;
  readonly n: number;
  readonly relayer: Hex;
  readonly state: AttemptState;
};

/** Reads payments with all of their attempts, locked in the order of their ids, so that two callers never deadlock. */
export async function lockWatched(sql: Sql, ids: readonly PaymentId[]): Promise<WatchedRows> {
  if (ids.length === 0) return { payments: new Map(), attempts: new Map() };
  const [rows, attemptRows] = await Promise.all([
    sql<PaymentRow>(lockPayments, [ids]),
    // A statement of its own: it must see what was committed while the lock was waited for.
    sql<AttemptRow>(readAttempts, [ids]),
  ]);
  const attempts = new Map<PaymentId, Map<number, WatchedAttempt>>();
  for (const row of attemptRows) {
    const known = attempts.get(row.payment_id) ?? new Map<number, WatchedAttempt>();
    attempts.set(row.payment_id, known.set(row.n, row));
  }
  const underWay = (id: PaymentId) =>
    [...(attempts.get(id)?.values() ?? [])].filter(({ state }) => state === 'outstanding').map(({ n }) => n);
  const payments = new Map(
    rows.map((row) => [row.payment_id, watchedOf(row, underWay(row.payment_id))] as const),
  );
  return { payments, attempts };
}

/** Writes changes and emits the events that tell them: the last that a transaction does. */
export async function writeChanges(sql: Sql, { payments, attempts, events }: Changes): Promise<void> {
  await Promise.all([
    payments.length > 0 && sql(writePayments, paymentValues(payments)),
    attempts.length > 0 && sql(writeAttempts, attemptValues(attempts)),
    emitEvents(sql, 'settlement', events),
  ]);
}

function attemptValues(attempts: Changes['attempts']): unknown[] {
  return [
    attempts.map(({ paymentId }) => paymentId),
    attempts.map(({ n }) => n),
    attempts.map(({ state }) => state),
    attempts.map(({ cost }) => cost?.gasUsed ?? null),
    attempts.map(({ cost }) => cost?.l1Fee ?? null),
    attempts.map(({ cost }) => cost?.fee ?? null),
    attempts.map(({ eventId }) => eventId),
  ];
}

function paymentValues(watched: readonly Watched[]): unknown[] {
  return [
    watched.map(({ payment }) => payment.paymentId),
    watched.map(({ standing }) => standing.state),
    watched.map(({ lastEventId }) => lastEventId),
    watched.map(({ outcomeEventId }) => outcomeEventId),
    watched.map(({ failureReason }) => failureReason),
    watched.map(({ batchLimit }) => batchLimit),
    watched.map(({ reorgs }) => reorgs),
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
  SELECT a.payment_id::text, a.n, b.relayer, a.state
  FROM settlement.attempt a JOIN settlement.batch b USING (batch_id)
  WHERE a.payment_id = ANY ($1::uuid[]) ORDER BY a.payment_id, a.n`;

/** A payment that goes back to the queue is due at once. */
const writePayments = `
  UPDATE settlement.payment p
  SET state = w.state, last_event_id = w.last_event_id, outcome_event_id = w.outcome_event_id,
      failure_reason = w.failure_reason, batch_limit = w.batch_limit, reorgs = w.reorgs, settled_by = w.settled_by,
      settled_transaction = w.settled_transaction, settled_block_number = w.settled_block_number,
      settled_block_hash = w.settled_block_hash, settled_block_time = w.settled_block_time,
      settled_log_index = w.settled_log_index, closed = false, retry_at = '-infinity', faults = 0, spent_seen_at = NULL, updated_at = now()
  FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::text[], $6::int[], $7::int[], $8::text[], $9::text[],
              $10::bigint[], $11::text[], $12::bigint[], $13::int[])
    AS w (payment_id, state, last_event_id, outcome_event_id, failure_reason, batch_limit, reorgs, settled_by,
          settled_transaction, settled_block_number, settled_block_hash, settled_block_time, settled_log_index)
  WHERE p.payment_id = w.payment_id`;

const writeAttempts = `
  UPDATE settlement.attempt a
  SET state = w.state, gas_used = w.gas_used, l1_fee = w.l1_fee, fee = w.fee, event_id = w.event_id, updated_at = now()
  FROM unnest($1::uuid[], $2::int[], $3::text[], $4::numeric[], $5::numeric[], $6::numeric[], $7::uuid[])
    AS w (payment_id, n, state, gas_used, l1_fee, fee, event_id)
  WHERE a.payment_id = w.payment_id AND a.n = w.n`;
