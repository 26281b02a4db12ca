import { z } from 'zod';

const brokerPattern = /^[^\s,:]+:\d{1,5}$/;

/** Settings that choose the transport; an app spreads the shape into its own schema and adds `brokersProblem`. */
export const messagingSettings = {
  EVENT_TRANSPORT: z
    .enum(['postgres', 'kafka'], { error: 'must be "postgres" or "kafka"' })
    .default('postgres')
    .describe('What carries events between services: `postgres` (a log in the same database) or `kafka`.'),
  KAFKA_BROKERS: z
    .string()
    .transform((text) =>
      text
        .split(',')
        .map((broker) => broker.trim())
        .filter((broker) => broker !== ''),
    )
    .refine(
      (brokers) => brokers.every((broker) => brokerPattern.test(broker)),
      'must be a comma-separated list of host:port, for example kafka-1:9092,kafka-2:9092',
    )
    .optional()
    .describe('Kafka brokers as host:port, separated by commas. Needed when EVENT_TRANSPORT is kafka.'),
};

export type MessagingSettings = {
  readonly EVENT_TRANSPORT: 'postgres' | 'kafka';
  readonly KAFKA_BROKERS?: readonly string[] | undefined;
};

/** What is wrong with the two settings taken together, or undefined. */
export function brokersProblem(settings: MessagingSettings): string | undefined {
  return settings.EVENT_TRANSPORT === 'kafka' && !settings.KAFKA_BROKERS?.length
    ? 'KAFKA_BROKERS is needed when EVENT_TRANSPORT is kafka: set it to host:port[,host:port]'
    : undefined;
}

/** What carries events, with what it takes to reach it. */
export type TransportChoice =
  { readonly kind: 'postgres' } | { readonly kind: 'kafka'; readonly brokers: readonly string[] };

/** The transport that the settings choose, once `brokersProblem` has nothing to say. */
export function transportChoice(settings: MessagingSettings): TransportChoice {
  return settings.EVENT_TRANSPORT === 'kafka'
    ? { kind: 'kafka', brokers: settings.KAFKA_BROKERS ?? [] }
    : { kind: 'postgres' };
}
