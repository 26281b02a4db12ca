import type { Database } from '@quittance/database';
import type { EventOf, QuittanceEvent } from '@quittance/events';
import { takeUnseen } from '@quittance/messaging';
import type { ChainId } from '@quittance/money';
import { crashPoint } from '@quittance/observability';
import type { PaymentId } from '@quittance/protocol';

import { acceptedPayment } from './accepted-payment.js';
import { batchLimitOf } from './alone.js';
import { paymentColumns, type PaymentRow, queuedOf, type QueuedPayment } from './payment-row.js';
import type { Hex } from './payment.js';

export type QueueSlice = {
  readonly chainId: ChainId;
  /** Payments whose `validBefore` is not after this are overdue: not to be signed any more. */
  readonly validAtSeconds: bigint;
  readonly limit: number;
  /** Overdue payments at most: they come besides the others, and so never hold them up. */
  readonly overdueMax: number;
  /** Relayers that this process signs with: payments for another one are left to whoever holds it. */
  readonly relayers: readonly Hex[];
};

/** A payment that may be signed, and for how long that has been so. */
export type ReadyPayment = QueuedPayment & { readonly waitedMs: number };

export type Queue = {
  /** By deadline. */
  readonly ready: readonly ReadyPayment[];
  readonly overdue: readonly QueuedPayment[];
};

export type Deferral = {
  readonly paymentId: PaymentId;
  readonly delayMs: number;
  readonly spentSeenAt: bigint | null;
};

/** The queue of payments: what comes in, and what is next. */
export class PaymentRepository {
  constructor(private readonly database: Database) {}

  /**
   * Takes events in, each once; those seen before are left out. Gives the chains that have something new to do.
   *
   * @throws PaymentInconsistentError, DatabaseUnavailableError, DatabaseConstraintError.
   */
  async take(events: readonly QuittanceEvent[]): Promise<ReadonlySet<ChainId>> {
    const chains = events.some(({ type }) => type === 'payment.expired')
      ? await this.takeInTurn(events)
      : await this.takeAccepted(events);
    crashPoint('settlement.payments-committed');
    return chains;
  }

  /** Nothing but payments, which come into the queue once however often they are accepted: no need to know which are new. */
  private async takeAccepted(events: readonly QuittanceEvent[]): Promise<ReadonlySet<ChainId>> {
    const accepted = events.filter(
      (event): event is EventOf<'payment.accepted'> => event.type === 'payment.accepted',
    );
    const queue = columnsOf(accepted);
    crashPoint('settlement.payments-taken');
    await this.database.transaction(({ sql, commit }) =>
      commit(Promise.all([takeUnseen(sql, 'settlement', events), sql(enqueue, queue)])),
    );
    return new Set(accepted.map(({ data }) => data.chainId));
  }

  /** An expiry is heeded once: the same one again must not end a payment that has come back since. */
  private async takeInTurn(events: readonly QuittanceEvent[]): Promise<ReadonlySet<ChainId>> {
    return this.database.transaction(async ({ sql, commit }) => {
      const unseen = await takeUnseen(sql, 'settlement', events);
      const expired = unseen.filter(
        (event): event is EventOf<'payment.expired'> => event.type === 'payment.expired',
      );
      const accepted = unseen.filter(
        (event): event is EventOf<'payment.accepted'> => event.type === 'payment.accepted',
      );
      const expiries = [expired.map(({ data }) => data.paymentId), expired.map(({ id }) => id)];
      const queue = accepted.length === 0 ? [] : columnsOf(accepted);
      crashPoint('settlement.payments-taken');
      const written = Promise.all([
        expired.length > 0 && sql(rememberExpiry, expiries),
        accepted.length > 0 && sql(enqueue, queue),
        expired.length > 0 && sql(dropQueued, expiries),
      ]);
      await commit(written);
      return new Set(accepted.map(({ data }) => data.chainId));
    });
  }

  /** The next payments to put on chain. Takes no lock: whoever signs claims them again. */
  async queued({ chainId, validAtSeconds, limit, overdueMax, relayers }: QueueSlice): Promise<Queue> {
    const rows = await this.database.sql<PaymentRow & { waited_ms: number | null }>(nextQueued, [
      chainId,
      validAtSeconds,
      limit,
      overdueMax,
      relayers,
    ]);
    return {
      ready: rows.flatMap((row) =>
        row.waited_ms === null ? [] : [{ ...queuedOf(row), waitedMs: row.waited_ms }],
      ),
      overdue: rows.filter(({ waited_ms: waitedMs }) => waitedMs === null).map(queuedOf),
    };
  }

  /** Leaves queued payments alone for a while. */
  async defer(deferrals: readonly Deferral[]): Promise<void> {
    if (deferrals.length === 0) return;
    await this.database.sql(deferQueued, [
      deferrals.map(({ paymentId }) => paymentId),
      deferrals.map(({ delayMs }) => delayMs),
      deferrals.map(({ spentSeenAt }) => spentSeenAt),
    ]);
  }
}

function columnsOf(accepted: readonly EventOf<'payment.accepted'>[]): unknown[] {
  const rows = accepted.map((event) => ({ ...acceptedPayment(event), event }));
  return [
    rows.map((row) => row.paymentId),
    rows.map((row) => row.chainId),
    rows.map((row) => row.asset),
    rows.map((row) => row.payer),
    rows.map((row) => row.payTo),
    rows.map((row) => row.amount),
    rows.map((row) => row.validAfter),
    rows.map((row) => row.validBefore),
    rows.map((row) => row.nonce),
    rows.map((row) => row.signature),
    rows.map((row) => row.event.id),
    rows.map((row) => row.event.occurredAt),
    rows.map((row) => row.scheme),
    rows.map((row) => row.method),
    rows.map((row) => (row.scheme === 'upto' ? row.ceiling : null)),
    rows.map((row) => row.facilitator),
    rows.map(({ event }) =>
      event.data.sponsoring === undefined ? null : JSON.stringify(event.data.sponsoring),
    ),
    rows.map((row) => batchLimitOf(row.event)),
  ];
}

const rememberExpiry = `
  INSERT INTO settlement.expiry (payment_id, event_id)
  SELECT payment_id, event_id FROM unnest($1::uuid[], $2::uuid[]) AS e (payment_id, event_id)
  ON CONFLICT (payment_id) DO NOTHING`;

/** Only the same payment again is ignored: another payment with the same authorization meets the unique key and is poison. */
const enqueue = `
  INSERT INTO settlement.payment (payment_id, chain_id, asset, payer, pay_to, amount, valid_after, valid_before, nonce,
                                  signature, last_event_id, accepted_at, scheme, method, ceiling, facilitator, sponsoring,
                                  batch_limit, state)
  SELECT a.*, CASE WHEN EXISTS (SELECT FROM settlement.expiry e WHERE e.payment_id = a.payment_id) THEN 'expired' ELSE 'queued' END
  FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::numeric[], $7::numeric[], $8::numeric[],
              $9::text[], $10::text[], $11::uuid[], $12::timestamptz[], $13::text[], $14::text[], $15::numeric[], $16::text[],
              $17::jsonb[], $18::int[])
    AS a (payment_id, chain_id, asset, payer, pay_to, amount, valid_after, valid_before, nonce, signature, last_event_id,
          accepted_at, scheme, method, ceiling, facilitator, sponsoring, batch_limit)
  ON CONFLICT (payment_id) DO NOTHING`;

const dropQueued = `
  UPDATE settlement.payment p SET state = 'expired', last_event_id = e.event_id, updated_at = now()
  FROM unnest($1::uuid[], $2::uuid[]) AS e (payment_id, event_id)
  WHERE p.payment_id = e.payment_id AND p.state = 'queued'`;

const nextQueued = `
  (SELECT ${paymentColumns},
          extract(epoch FROM clock_timestamp() - greatest(p.created_at, p.retry_at))::float8 * 1000 AS waited_ms
   FROM settlement.payment p
   WHERE p.chain_id = $1 AND p.state = 'queued' AND p.retry_at <= clock_timestamp() AND p.valid_before > $2::numeric
     AND (p.facilitator IS NULL OR p.facilitator = ANY ($5::text[]))
   ORDER BY p.valid_before, p.position
   LIMIT $3::int)
  UNION ALL
  (SELECT ${paymentColumns}, NULL
   FROM settlement.payment p
   WHERE p.chain_id = $1 AND p.state = 'queued' AND p.retry_at <= clock_timestamp() AND p.valid_before <= $2::numeric
   ORDER BY p.retry_at, p.position
   LIMIT $4::int)`;

const deferQueued = `
  UPDATE settlement.payment p
  SET retry_at = clock_timestamp() + d.delay_ms * interval '1 millisecond', faults = p.faults + 1,
      spent_seen_at = coalesce(p.spent_seen_at, d.spent_seen_at), updated_at = now()
  FROM unnest($1::uuid[], $2::int[], $3::bigint[]) AS d (payment_id, delay_ms, spent_seen_at)
  WHERE p.payment_id = d.payment_id AND p.state = 'queued'`;
