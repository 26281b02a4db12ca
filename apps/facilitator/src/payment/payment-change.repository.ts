import { randomUUID } from 'node:crypto';

import type { Database, Sql } from '@quittance/database';
import { type EventOf, isPaymentEvent, type QuittanceEvent } from '@quittance/events';
import { emitEvents, takeUnseen } from '@quittance/messaging';
import type { ChainId } from '@quittance/money';
import { crashPoint } from '@quittance/observability';
import type { PaymentId } from '@quittance/protocol';

import type { ExpiryCandidate, ExpiryCursor, ProvingBlock } from '../expiry/expiry.js';
import { chainNewsOf } from '../intake/chain-news.js';
import { keepChainNews } from '../intake/chain-standing.repository.js';
import { type Attempt, attemptsAfter } from './attempt.js';
import {
  attemptOf,
  type AttemptRow,
  attemptsColumn,
  attemptValues,
  keepAttemptsFrom,
  type KeptAttempt,
} from './attempt-row.js';
import { type Change, passingBroadcasts, type Rounds } from './change.js';
import type { Payment, PaymentProgress } from './payment.js';
import { expiredEvent } from './payment-event.js';
import { paymentColumns, paymentOf, type PaymentRow } from './payment-row.js';
import { asMovingEvent, type MovingEvent, transition } from './transition.js';

export type Applied = {
  /** The payments that events spoke of, as they now are. */
  readonly payments: readonly Payment[];
  /** Ids of payments that nobody registered. */
  readonly unknown: readonly string[];
};

/** What becomes of payments, written to the registry in sets. */
export class PaymentChanges {
  constructor(private readonly database: Database) {}

  /** Applies a batch of events, each id once, in one transaction. */
  async apply(batch: readonly QuittanceEvent[]): Promise<Applied> {
    return this.database.transaction(async ({ sql, commit }) => {
      const [unseen, payments] = await Promise.all([
        takeUnseen(sql, 'facilitator', batch),
        lockAll(
          sql,
          movingOf(batch).map(({ data }) => data.paymentId as PaymentId),
        ),
      ]);
      const events = movingOf(unseen);
      const rounds = passingBroadcasts(roundsOf(events).map((round) => changesIn(payments, round)));
      const attempts = changedAttempts(payments, events);
      const news = chainNewsOf(unseen.filter((event) => !isPaymentEvent(event)));
      crashPoint('facilitator.events-taken');
      await commit(Promise.all([writeAll(sql, rounds, attempts), keepChainNews(sql, news)]));
      return {
        payments: [...payments.values()].map(({ payment }) => payment),
        unknown: events.filter(({ data }) => !payments.has(data.paymentId)).map(({ data }) => data.paymentId),
      };
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
    return this.database.transaction(async ({ sql, commit }) => {
      const payments = await lockAll(sql, ids);
      const occurredAt = new Date();
      const events: Array<EventOf<'payment.expired'>> = [...payments.values()]
        .filter(({ payment }) => payment.state === 'accepted')
        .map(({ payment }) =>
          expiredEvent(payment, block, { id: randomUUID(), occurredAt, causationId: payment.lastEventId }),
        );
      const changes = changesIn(payments, events);
      await commit(Promise.all([writeAll(sql, [changes], []), emitEvents(sql, 'facilitator', events)]));
      return events.map(({ data }) => data.paymentId as PaymentId);
    });
  }
}

function movingOf(events: readonly QuittanceEvent[]): MovingEvent[] {
  return events.map(asMovingEvent).filter((event) => event !== undefined);
}

const nilUuid = '00000000-0000-0000-0000-000000000000';

/** A payment as this transaction has left it, and the attempts for it as they were. */
type Locked = { payment: Payment; readonly attempts: readonly Attempt[] };

/** Locks in the order of ids, so that two batches that share payments never wait for each other in a circle. */
async function lockAll(sql: Sql, ids: readonly PaymentId[]): Promise<Map<string, Locked>> {
  if (ids.length === 0) return new Map();
  const rows = await sql<PaymentRow & { readonly attempts: readonly AttemptRow[] | null }>(
    `SELECT ${paymentColumns}, ${attemptsColumn} AS attempts FROM facilitator.payment
      WHERE id = ANY ($1::uuid[]) ORDER BY facilitator.payment.id FOR NO KEY UPDATE OF payment`,
    [ids],
  );
  return new Map(
    rows.map((row) => [row.id, { payment: paymentOf(row), attempts: (row.attempts ?? []).map(attemptOf) }]),
  );
}

/** The n-th event of each payment goes into the n-th round: no step is left out of the trail. */
function roundsOf(events: readonly MovingEvent[]): MovingEvent[][] {
  const rounds: MovingEvent[][] = [];
  const seen = new Map<string, number>();
  for (const event of events) {
    const round = seen.get(event.data.paymentId) ?? 0;
    seen.set(event.data.paymentId, round + 1);
    (rounds[round] ??= []).push(event);
  }
  return rounds;
}

function changesIn(payments: Map<string, Locked>, events: readonly MovingEvent[]): Change[] {
  const changes: Change[] = [];
  for (const event of events) {
    const locked = payments.get(event.data.paymentId);
    const progress = locked === undefined ? undefined : transition(locked.payment, event);
    if (locked === undefined || progress === undefined) continue;
    const { id, state } = locked.payment;
    locked.payment = { ...locked.payment, ...progress };
    changes.push({ id, from: state, progress, passed: null });
  }
  return changes;
}

/** What was sent for payments and what came of it: read once and written once, however many events told of it. */
function changedAttempts(payments: Map<string, Locked>, events: readonly MovingEvent[]): KeptAttempt[] {
  const after = new Map<string, readonly Attempt[]>();
  for (const event of events) {
    const { paymentId } = event.data;
    const locked = payments.get(paymentId);
    if (locked !== undefined)
      after.set(paymentId, attemptsAfter(after.get(paymentId) ?? locked.attempts, event));
  }
  return [...after].flatMap(([paymentId, attempts]) => {
    const before = new Set(payments.get(paymentId)?.attempts);
    return attempts.filter((attempt) => !before.has(attempt)).map((attempt) => ({ paymentId, attempt }));
  });
}

/** One statement a round, the last with the attempts: a waiting caller is answered after the last of them. */
async function writeAll(sql: Sql, rounds: Rounds, attempts: readonly KeptAttempt[]): Promise<void> {
  const changing = rounds.filter((changes) => changes.length > 0);
  const last = changing.pop() ?? [];
  await Promise.all([
    ...changing.map((changes) => write(sql, changes, [])),
    ...(last.length > 0 || attempts.length > 0 ? [write(sql, last, attempts)] : []),
  ]);
}

async function write(sql: Sql, changes: readonly Change[], attempts: readonly KeptAttempt[]): Promise<void> {
  const column = <Field extends keyof PaymentProgress>(field: Field) =>
    changes.map(({ progress }) => progress[field]);
  await sql(
    `WITH moved AS (
       UPDATE facilitator.payment AS p
          SET state = c.state, reason = c.reason, detail = c.detail, transaction_hash = c.transaction_hash,
              block_number = c.block_number, authorization_spent = c.authorization_spent, last_event_id = c.event_id,
              passed_event_id = coalesce(c.passed, p.passed_event_id), updated_at = clock_timestamp()
         FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::boolean[], $9::uuid[])
           AS c (id, event_id, state, reason, detail, transaction_hash, block_number, authorization_spent, passed)
        WHERE p.id = c.id)
     ${keepAttemptsFrom(10)}`,
    [
      changes.map(({ id }) => id),
      column('lastEventId'),
      column('state'),
      column('reason'),
      column('detail'),
      column('transaction'),
      column('blockNumber').map((number) => number?.toString(10) ?? null),
      column('authorizationSpent'),
      changes.map(({ passed }) => passed),
      ...attemptValues(attempts),
    ],
  );
}
