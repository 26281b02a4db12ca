import { topics } from '@quittance/events';
import { startKafka, type TestKafka } from '@quittance/testing';
import { Kafka, logLevel } from 'kafkajs';

export type TransportKind = 'postgres' | 'kafka';

/** How the services of one installation reach each other. */
export type Transport = {
  readonly kind: TransportKind;
  readonly env: Readonly<Record<string, string>>;
  /** Present where the broker is ours to crash. */
  readonly kafka?: TestKafka;
  stop(): Promise<void>;
};

export const postgresTransport: Transport = {
  kind: 'postgres',
  env: { EVENT_TRANSPORT: 'postgres' },
  stop: async () => undefined,
};

/** A broker without events of earlier runs, or why there is none. */
export async function startKafkaTransport(): Promise<Transport | { readonly unavailable: string }> {
  const kafka = await startKafka();
  if ('unavailable' in kafka) return kafka;
  await forgetEarlierEvents(kafka.brokers);
  return {
    kind: 'kafka',
    env: { EVENT_TRANSPORT: 'kafka', KAFKA_BROKERS: kafka.brokers.join(',') },
    kafka,
    stop: async () => kafka.stop(),
  };
}

// A broker that KAFKA_BROKERS names outlives the run: what an earlier database published means nothing to this one.
async function forgetEarlierEvents(brokers: string[]): Promise<void> {
  const admin = new Kafka({ brokers, clientId: 'quittance-e2e', logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    const ours = new Set<string>(Object.values(topics).map(({ name }) => name));
    const present = (await admin.listTopics()).filter((topic) => ours.has(topic));
    if (present.length > 0) await admin.deleteTopics({ topics: present });
    const { groups } = await admin.listGroups();
    const named = groups
      .map(({ groupId }) => groupId)
      .filter((group) => /^(facilitator|settlement|ledger)(\.|$)/.test(group));
    if (named.length > 0) await admin.deleteGroups(named);
  } finally {
    await admin.disconnect();
  }
}
