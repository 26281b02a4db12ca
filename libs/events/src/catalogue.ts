import { z } from 'zod';

import { paymentAcceptedData } from './payment-accepted.v1/schema.js';
import { paymentAcceptedFixture } from './payment-accepted.v1/fixture.js';
import { paymentExpiredData } from './payment-expired.v1/schema.js';
import { paymentExpiredFixture } from './payment-expired.v1/fixture.js';
import { settlementConfirmedData } from './settlement-confirmed.v1/schema.js';
import { settlementConfirmedFixture } from './settlement-confirmed.v1/fixture.js';
import { settlementFailedData } from './settlement-failed.v1/schema.js';
import { settlementFailedFixture } from './settlement-failed.v1/fixture.js';
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
        .min(1)
        .max(100)
        .describe('Orders events: those of one key arrive in order. The payment id.'),
      correlationId: z.string().min(1).max(100).describe('What this belongs to, across services.'),
      causationId: z.string().min(1).max(100).nullable().describe('Id of the event that led to this one.'),
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
} as const;

/** One event of a given type, as consumers see it. */
export type EventOf<Type extends EventType> = z.output<(typeof eventSchemas)[Type]>;

/** Any event: a union that narrows on `type`. */
export type QuittanceEvent = { [Type in EventType]: EventOf<Type> }[EventType];

const anyEvent = z.discriminatedUnion('type', [
  eventSchemas['payment.accepted'],
  eventSchemas['payment.expired'],
  eventSchemas['settlement.submitted'],
  eventSchemas['settlement.confirmed'],
  eventSchemas['settlement.failed'],
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
 * Builds an event about one payment; key and correlation are the payment's id.
 *
 * @throws ZodError when the data breaks the schema: a programmer's error, never to be caught.
 */
export function createEvent<Type extends EventType>(parts: EventParts<Type>): EventOf<Type> {
  const { occurredAt, data, ...rest } = parts;
  return eventSchemas[parts.type].parse({
    ...rest,
    version: catalogue[parts.type].version,
    occurredAt: occurredAt.toISOString(),
    key: data.paymentId,
    correlationId: data.paymentId,
    data,
  }) as EventOf<Type>;
}

/** The topic that an event travels on. */
export function topicOf(event: { readonly type: EventType }): TopicName {
  return catalogue[event.type].topic;
}
