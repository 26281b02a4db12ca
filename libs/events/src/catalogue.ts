import { lengthMax, lengthMin } from '@quittance/protocol';
import { z } from 'zod';

import { paymentAcceptedData } from './payment-accepted.v1/schema.js';
import { paymentAcceptedFixture } from './payment-accepted.v1/fixture.js';
import { paymentExpiredData } from './payment-expired.v1/schema.js';
import { paymentExpiredFixture } from './payment-expired.v1/fixture.js';
import { settlementConfirmedData } from './settlement-confirmed.v1/schema.js';
import { settlementConfirmedFixture } from './settlement-confirmed.v1/fixture.js';
import { settlementFailedData } from './settlement-failed.v1/schema.js';
import { settlementFailedFixture } from './settlement-failed.v1/fixture.js';
import { settlementReplacedData } from './settlement-replaced.v1/schema.js';
import { settlementReplacedFixture } from './settlement-replaced.v1/fixture.js';
import { settlementReleasedData } from './settlement-released.v1/schema.js';
import { settlementReleasedFixture } from './settlement-released.v1/fixture.js';
import { settlementReorgedData } from './settlement-reorged.v1/schema.js';
import { settlementReorgedFixture } from './settlement-reorged.v1/fixture.js';
import { settlementFinalizedData } from './settlement-finalized.v1/schema.js';
import { settlementFinalizedFixture } from './settlement-finalized.v1/fixture.js';
import { settlementSuspendedData } from './settlement-suspended.v1/schema.js';
import { settlementSuspendedFixture } from './settlement-suspended.v1/fixture.js';
import { settlementResumedData } from './settlement-resumed.v1/schema.js';
import { settlementResumedFixture } from './settlement-resumed.v1/fixture.js';
import { settlementFilledData } from './settlement-filled.v1/schema.js';
import { settlementFilledFixture } from './settlement-filled.v1/fixture.js';
import { settlementSubmittedData } from './settlement-submitted.v1/schema.js';
import { settlementSubmittedFixture } from './settlement-submitted.v1/fixture.js';

/**
 * Topics, with their partitions: one payment's events share a key and so a partition, which keeps their order.
 * The count never changes once a topic holds events, or a key would move to another partition.
 */
export const topics = {
  payments: { name: 'quittance.payments.v1', partitions: 4 },
  settlements: { name: 'quittance.settlements.v1', partitions: 4 },
  deadLetters: { name: 'quittance.dead-letters.v1', partitions: 1 },
} as const;

export type TopicName = (typeof topics)[keyof typeof topics]['name'];

/** Every event there is: the topic it travels on, its data and the fixture that both sides are tested against. */
export const catalogue = {
  'payment.accepted': {
    topic: topics.payments.name,
    version: 1,
    data: paymentAcceptedData,
    fixture: paymentAcceptedFixture,
  },
  'payment.expired': {
    topic: topics.payments.name,
    version: 1,
    data: paymentExpiredData,
    fixture: paymentExpiredFixture,
  },
  'settlement.submitted': {
    topic: topics.settlements.name,
    version: 1,
    data: settlementSubmittedData,
    fixture: settlementSubmittedFixture,
  },
  'settlement.confirmed': {
    topic: topics.settlements.name,
    version: 1,
    data: settlementConfirmedData,
    fixture: settlementConfirmedFixture,
  },
  'settlement.failed': {
    topic: topics.settlements.name,
    version: 1,
    data: settlementFailedData,
    fixture: settlementFailedFixture,
  },
  'settlement.replaced': {
    topic: topics.settlements.name,
    version: 1,
    data: settlementReplacedData,
    fixture: settlementReplacedFixture,
  },
  'settlement.released': {
    topic: topics.settlements.name,
    version: 1,
    data: settlementReleasedData,
    fixture: settlementReleasedFixture,
  },
  'settlement.reorged': {
    topic: topics.settlements.name,
    version: 1,
    data: settlementReorgedData,
    fixture: settlementReorgedFixture,
  },
  'settlement.finalized': {
    topic: topics.settlements.name,
    version: 1,
    data: settlementFinalizedData,
    fixture: settlementFinalizedFixture,
  },
  'settlement.suspended': {
    topic: topics.settlements.name,
    version: 1,
    data: settlementSuspendedData,
    fixture: settlementSuspendedFixture,
  },
  'settlement.resumed': {
    topic: topics.settlements.name,
    version: 1,
    data: settlementResumedData,
    fixture: settlementResumedFixture,
  },
  'settlement.filled': {
    topic: topics.settlements.name,
    version: 1,
    data: settlementFilledData,
    fixture: settlementFilledFixture,
  },
} as const;

export type EventType = keyof typeof catalogue;

const envelope = <Type extends EventType, Data extends z.ZodType>(type: Type, version: 1, data: Data) =>
  z
    .object({
      id: z.uuid().describe('Unique; a consumer applies each id once.'),
      type: z.literal(type),
      version: z.literal(version),
      occurredAt: z.iso.datetime().describe('When it happened, UTC.'),
      key: z
        .string()
        .check(lengthMin(1), lengthMax(100))
        .describe('Orders events: those of one key arrive in order. The payment id, or the chain id.'),
      correlationId: z
        .string()
        .check(lengthMin(1), lengthMax(100))
        .describe('What this belongs to, across services.'),
      causationId: z
        .string()
        .check(lengthMin(1), lengthMax(100))
        .nullable()
        .describe('Id of the event that led to this one.'),
      data,
    })
    .strict();

/** The schema of each event, envelope included. */
export const eventSchemas = {
  'payment.accepted': envelope('payment.accepted', 1, paymentAcceptedData),
  'payment.expired': envelope('payment.expired', 1, paymentExpiredData),
  'settlement.submitted': envelope('settlement.submitted', 1, settlementSubmittedData),
  'settlement.confirmed': envelope('settlement.confirmed', 1, settlementConfirmedData),
  'settlement.failed': envelope('settlement.failed', 1, settlementFailedData),
  'settlement.replaced': envelope('settlement.replaced', 1, settlementReplacedData),
  'settlement.released': envelope('settlement.released', 1, settlementReleasedData),
  'settlement.reorged': envelope('settlement.reorged', 1, settlementReorgedData),
  'settlement.finalized': envelope('settlement.finalized', 1, settlementFinalizedData),
  'settlement.suspended': envelope('settlement.suspended', 1, settlementSuspendedData),
  'settlement.resumed': envelope('settlement.resumed', 1, settlementResumedData),
  'settlement.filled': envelope('settlement.filled', 1, settlementFilledData),
} as const;

/** One event of a given type, as consumers see it. */
export type EventOf<Type extends EventType> = z.output<(typeof eventSchemas)[Type]>;

/** Any event: a union that narrows on `type`. */
export type QuittanceEvent = { [Type in EventType]: EventOf<Type> }[EventType];

/** An event about one payment. */
export type PaymentEvent = Extract<QuittanceEvent, { readonly data: { readonly paymentId: string } }>;

/** An event about a chain as a whole. */
export type ChainEvent = Exclude<QuittanceEvent, PaymentEvent>;

export function isPaymentEvent(event: QuittanceEvent): event is PaymentEvent {
  return 'paymentId' in event.data;
}

const anyEvent = z.discriminatedUnion('type', [
  eventSchemas['payment.accepted'],
  eventSchemas['payment.expired'],
  eventSchemas['settlement.submitted'],
  eventSchemas['settlement.confirmed'],
  eventSchemas['settlement.failed'],
  eventSchemas['settlement.replaced'],
  eventSchemas['settlement.released'],
  eventSchemas['settlement.reorged'],
  eventSchemas['settlement.finalized'],
  eventSchemas['settlement.suspended'],
  eventSchemas['settlement.resumed'],
  eventSchemas['settlement.filled'],
]);

export type ParsedEvent =
  { readonly ok: true; readonly event: QuittanceEvent } | { readonly ok: false; readonly problem: string };

/** Reads an event from parsed JSON. Anything else is a value that says what is wrong: a poison message is expected. */
export function parseEvent(json: unknown): ParsedEvent {
  const result = anyEvent.safeParse(json);
  return result.success
    ? { ok: true, event: result.data }
    : { ok: false, problem: z.prettifyError(result.error).slice(0, problemLengthMax) };
}

const problemLengthMax = 1_000;

/** What a new event is made of; the caller brings id and time, so that this stays pure. */
export type EventParts<Type extends EventType> = {
  readonly id: string;
  readonly type: Type;
  readonly occurredAt: Date;
  readonly causationId: string | null;
  readonly data: z.input<(typeof catalogue)[Type]['data']>;
};

/**
 * Builds an event; key and correlation are the payment's id, or the chain's where it is about no single payment.
 *
 * @throws ZodError when the data breaks the schema: a programmer's error, never to be caught.
 */
export function createEvent<Type extends EventType>(parts: EventParts<Type>): EventOf<Type> {
  const { occurredAt, data, ...rest } = parts;
  const key = 'paymentId' in data ? data.paymentId : data.chainId;
  return eventSchemas[parts.type].parse({
    ...rest,
    version: catalogue[parts.type].version,
    occurredAt: occurredAt.toISOString(),
    key,
    correlationId: key,
    data,
  }) as EventOf<Type>;
}

/** The topic that an event travels on. */
export function topicOf(event: { readonly type: EventType }): TopicName {
  return catalogue[event.type].topic;
}
