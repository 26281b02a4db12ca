import { randomUUID } from 'node:crypto';

import type { Database, Sql } from '@quittance/database';
import type { QuittanceEvent } from '@quittance/events';
import { appendToOutbox, takeUnseen } from '@quittance/messaging';
import type { ChainId } from '@quittance/money';
import type { PaymentId } from '@quittance/protocol';

import type { ExpiryCandidate, ExpiryCursor, ProvingBlock } from '../expiry/expiry.js';
import type { Reservation, Reserved } from '../settle/settle.js';
import type { BalanceBlock, Payment, PaymentProgress, Purse } from './payment.js';
import { acceptedEvent, expiredEvent } from './payment-event.js';
import { paymentColumns, paymentOf, type PaymentRow, reservedRow } from './payment-row.js';
import type { PaymentTransition } from './payment-view.js';
import { asPaymentEvent, type PaymentEvent, transition } from './transition.js';

const openNoncesMax = 100;

/** The payment registry in Postgres. */
export class PaymentRepository {
  constructor(private readonly database: Database) {}

  async find(id: PaymentId): Promise<Payment | null> {
    const [payment] = await this.findMany([id]);
    return payment ?? null;
  }

  async findMany(ids: readonly PaymentId[]): Promise<Payment[]> {
    const rows = await this.database.sql<PaymentRow>(
      `SELECT ${paymentColumns} FROM facilitator.payment WHERE id = ANY ($1::uuid[])`,
      [ids],
    );
    return rows.map(paymentOf);
  }

  async transitions(id: PaymentId): Promise<PaymentTransition[]> {
    const rows = await this.database.prisma.facilitatorPaymentTransition.findMany({
      where: { paymentId: id },
      orderBy: { sequence: 'asc' },
    });
    return rows.map((row) => ({
      from: row.fromState,
      to: row.toState,
      eventId: row.eventId,
      reason: row.reason,
      transaction: row.transactionHash,
      at: row.at,
    }));
  }

  async inFlight({ chainId, asset, payer }: Purse, at: BalanceBlock): Promise<bigint> {
    const [row] = await this.database.sql<{ sum: string }>(
      'SELECT facilitator.in_flight($1, $2, $3, $4::bigint, $5::numeric, $6::text[])::text AS sum',
      [chainId, asset, payer, at.number, at.time, at.landed],
    );
    return BigInt(row?.sum ?? 0);
  }

  /** Nonces of payments that count as in flight though the chain may know better; the oldest, and not too many. */
  async openNonces({ chainId, asset, payer }: Purse, at: BalanceBlock): Promise<string[]> {
    const rows = await this.database.sql<{ nonce: string }>(
      `SELECT nonce FROM facilitator.payment
        WHERE chain_id = $1 AND asset = $2 AND payer = $3
          AND (state IN ('accepted', 'submitted') OR (state = 'failed' AND NOT authorization_spent AND valid_before > $4::numeric))
        ORDER BY accepted_at LIMIT $5`,
      [chainId, asset, payer, at.time, openNoncesMax],
    );
    return rows.map(({ nonce }) => nonce);
  }

  /** Reserves in one transaction. Payments of one purse queue there, so that no two of them count the same money. */
  async reserve({ terms, signature, balance, at }: Reservation): Promise<Reserved> {
    const event = acceptedEvent(terms, signature, { id: randomUUID(), occurredAt: new Date() });
    const [row] = await this.database.sql<{ outcome: Reserved['outcome']; counted: string | null }>(
      `SELECT outcome, counted::text AS counted
         FROM facilitator.reserve($1::jsonb, $2::numeric, $3::bigint, $4::numeric, $5::text[], $6::json)`,
      [
        JSON.stringify(reservedRow(terms, event.id)),
        balance,
        at.number,
        at.time,
        at.landed,
        JSON.stringify(event),
      ],
    );
    if (row?.outcome === 'reserved' || row?.outcome === 'exists') return { outcome: row.outcome };
    return { outcome: 'short', inFlight: BigInt(row?.counted ?? 0) };
  }

  /** Applies a batch of events, each id once, in one transaction. Gives the ids of payments that nobody registered. */
  async apply(batch: readonly QuittanceEvent[]): Promise<string[]> {
    return this.database.transaction(async ({ sql }) => {
      const unseen = await takeUnseen(sql, 'facilitator', batch);
      const events = unseen.map(asPaymentEvent).filter((event) => event !== undefined);
      const known = await lockAll(
        sql,
        events.map(({ data }) => data.paymentId as PaymentId),
      );
      for (const round of roundsOf(events)) await applyRound(sql, known, round);
      return events.filter(({ data }) => !known.has(data.paymentId)).map(({ data }) => data.paymentId);
    });
  }

  /** Accepted payments of a chain whose authorization ended by `time`, a page at a time. */
  async expiring(page: {
    readonly chainId: ChainId;
    readonly time: bigint;
    readonly after: ExpiryCursor | null;
    readonly limit: number;
  }): Promise<ExpiryCandidate[]> {
    const rows = await this.database.sql<PaymentRow>(
      `SELECT ${paymentColumns} FROM facilitator.payment
        WHERE state = 'accepted' AND chain_id = $1 AND valid_before <= $2::numeric
          AND (valid_before, id) > ($3::numeric, $4::uuid)
        ORDER BY facilitator.payment.valid_before, facilitator.payment.id LIMIT $5`,
      [page.chainId, page.time, page.after?.validBefore ?? -1n, page.after?.id ?? nilUuid, page.limit],
    );
    return rows.map(paymentOf);
  }

  /** Marks payments expired that are still only accepted, each with its event. Gives their ids. */
  async expire(ids: readonly PaymentId[], block: ProvingBlock): Promise<PaymentId[]> {
    if (ids.length === 0) return [];
    return this.database.transaction(async ({ sql }) => {
      const payments = await lockAll(sql, ids);
      const occurredAt = new Date();
      const events = [...payments.values()]
        .filter(({ payment }) => payment.state === 'accepted')
        .map(({ payment, lastEventId }) =>
          expiredEvent(payment, block, { id: randomUUID(), occurredAt, causationId: lastEventId }),
        );
      await applyRound(sql, payments, events);
      await appendToOutbox(sql, 'facilitator', events);
      return events.map(({ data }) => data.paymentId as PaymentId);
    });
  }
}

const nilUuid = '00000000-0000-0000-0000-000000000000';

type Locked = { payment: Payment; readonly lastEventId: string };

/** Locks in the order of ids, so that two batches that share payments never wait for each other in a circle. */
async function lockAll(sql: Sql, ids: readonly PaymentId[]): Promise<Map<string, Locked>> {
  if (ids.length === 0) return new Map();
  const rows = await sql<PaymentRow & { readonly last_event_id: string }>(
    `SELECT ${paymentColumns}, last_event_id::text AS last_event_id FROM facilitator.payment
      WHERE id = ANY ($1::uuid[]) ORDER BY facilitator.payment.id FOR NO KEY UPDATE`,
    [ids],
  );
  return new Map(rows.map((row) => [row.id, { payment: paymentOf(row), lastEventId: row.last_event_id }]));
}

/** The n-th event of each payment goes into the n-th round: one statement a round, and no step is left out of the trail. */
function roundsOf(events: readonly PaymentEvent[]): PaymentEvent[][] {
  const rounds: PaymentEvent[][] = [];
  const seen = new Map<string, number>();
  for (const event of events) {
    const round = seen.get(event.data.paymentId) ?? 0;
    seen.set(event.data.paymentId, round + 1);
    (rounds[round] ??= []).push(event);
  }
  return rounds;
}

type Change = { readonly id: PaymentId; readonly eventId: string; readonly progress: PaymentProgress };

async function applyRound(
  sql: Sql,
  known: Map<string, Locked>,
  events: readonly PaymentEvent[],
): Promise<void> {
  const changes: Change[] = [];
  for (const event of events) {
    const locked = known.get(event.data.paymentId);
    const progress = locked === undefined ? undefined : transition(locked.payment, event);
    if (locked === undefined || progress === undefined) continue;
    locked.payment = { ...locked.payment, ...progress };
    changes.push({ id: locked.payment.id, eventId: event.id, progress });
  }
  if (changes.length > 0) await updateAll(sql, changes);
}

async function updateAll(sql: Sql, changes: readonly Change[]): Promise<void> {
  const column = <Field extends keyof PaymentProgress>(field: Field) =>
    changes.map(({ progress }) => progress[field]);
  await sql(
    `UPDATE facilitator.payment AS p
        SET state = c.state, reason = c.reason, detail = c.detail, transaction_hash = c.transaction_hash,
            block_number = c.block_number, authorization_spent = c.authorization_spent, last_event_id = c.event_id,
            updated_at = clock_timestamp()
       FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::boolean[])
         AS c (id, event_id, state, reason, detail, transaction_hash, block_number, authorization_spent)
      WHERE p.id = c.id`,
    [
      changes.map(({ id }) => id),
      changes.map(({ eventId }) => eventId),
      column('state'),
      column('reason'),
      column('detail'),
      column('transaction'),
      column('blockNumber').map((number) => number?.toString(10) ?? null),
      column('authorizationSpent'),
    ],
  );
}
