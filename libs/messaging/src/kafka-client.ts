import { createRequire } from 'node:module';

import { topics } from '@quittance/events';
import { type Admin, Kafka, type logCreator, logLevel } from 'kafkajs';

import { settledWithin } from './backoff.js';
import { TransportMisconfiguredError, TransportUnavailableError } from './transport.error.js';
import type { MessagingLogger } from './transport.js';

const connectTimeoutMs = 2_000;
export const requestTimeoutMs = 5_000;
/** kafkajs's own retries are kept few and short: the loops around it wait longer and can be stopped. */
export const clientRetry = {
  retries: 2,
  initialRetryTime: 100,
  maxRetryTime: 500,
  multiplier: 2,
  factor: 0.2,
};
const topicsTimeoutMs = 10_000;
const disconnectWaitMs = 1_000;

export type KafkaOptions = {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly logger: MessagingLogger;
};

export function connectKafka(options: KafkaOptions): Kafka {
  silenceIdleTimers();
  return new Kafka({
    brokers: [...options.brokers],
    clientId: options.clientId,
    connectionTimeout: connectTimeoutMs,
    requestTimeout: requestTimeoutMs,
    enforceRequestTimeout: true,
    retry: clientRetry,
    logLevel: logLevel.WARN,
    logCreator: quietly(options.logger),
  });
}

type RequestQueue = {
  readonly pending: readonly unknown[];
  readonly throttledUntil: number;
  checksQuietly?: true;
};
type RequestQueueClass = { readonly prototype: RequestQueue & { scheduleCheckPendingRequests(): void } };

/**
 * kafkajs 2.2.4 sets a timer after each request even when nothing waits, with a delay of minus today's date: Node 24
 * warns of it on stderr. Without something to check there is no timer now; all others are as they were.
 */
function silenceIdleTimers(): void {
  const { prototype } = createRequire(import.meta.url)(
    'kafkajs/src/network/requestQueue',
  ) as RequestQueueClass;
  if (prototype.checksQuietly) return;
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.checksQuietly = true;
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) schedule.call(this);
  };
}

/** kafkajs reports each failing try as an error of its own; our loops report what it means, so its voice is for debugging. */
function quietly(logger: MessagingLogger): logCreator {
  return () =>
    ({ namespace, log: { message, timestamp: _timestamp, logger: _logger, ...fields } }) =>
      logger.debug({ kafkajs: namespace, ...fields }, message);
}

/**
 * Makes the topics that are missing and checks the others. Kept for ever: the books can be made again from the first event.
 *
 * @throws TransportMisconfiguredError when a topic has other partitions than the code says: keys would change theirs.
 */
export async function ensureTopics(kafka: Kafka): Promise<void> {
  const admin = kafka.admin({ retry: clientRetry });
  try {
    await withinTime(admin.connect(), topicsTimeoutMs, 'connecting to Kafka');
    await withinTime(ensureTopicsWith(admin), topicsTimeoutMs, 'creating the topics');
  } finally {
    await settledWithin(admin.disconnect(), disconnectWaitMs);
  }
}

async function ensureTopicsWith(admin: Admin): Promise<void> {
  const wanted = Object.values(topics);
  const present = new Set(await admin.listTopics());
  const missing = wanted.filter((topic) => !present.has(topic.name));
  if (missing.length > 0) {
    await admin.createTopics({
      waitForLeaders: true,
      timeout: requestTimeoutMs,
      topics: missing.map((topic) => ({
        topic: topic.name,
        numPartitions: topic.partitions,
        replicationFactor: -1,
        configEntries: [
          { name: 'retention.ms', value: '-1' },
          { name: 'retention.bytes', value: '-1' },
          { name: 'cleanup.policy', value: 'delete' },
        ],
      })),
    });
  }
  const { topics: metadata } = await admin.fetchTopicMetadata({ topics: wanted.map((topic) => topic.name) });
  for (const { name, partitions } of wanted) {
    const actual = metadata.find((topic) => topic.name === name)?.partitions.length;
    if (actual !== partitions) {
      throw new TransportMisconfiguredError(
        `Kafka topic ${name} has ${actual ?? 'no'} partitions where ${partitions} are needed: ` +
          'delete it if it is empty, or name other brokers in KAFKA_BROKERS',
      );
    }
  }
}

/** @throws TransportUnavailableError when `work` takes longer; it goes on, and nobody waits for it. */
export async function withinTime<Result>(
  work: Promise<Result>,
  limitMs: number,
  doing: string,
): Promise<Result> {
  if (await settledWithin(work, limitMs)) return work;
  throw new TransportUnavailableError(`${doing} took longer than ${limitMs} ms`);
}

/** Lets a client go without waiting long for a broker that may be away. */
export async function disconnect(
  client: { disconnect(): Promise<void> } | undefined,
  limitMs = disconnectWaitMs,
): Promise<void> {
  if (client) await settledWithin(client.disconnect(), limitMs);
}
