import type { Batch, Consumer, EachBatchPayload, Kafka } from 'kafkajs';

import { type Backoff, backoffMs, pause } from './backoff.js';
import { DeliveryAbandonedError } from './delivery.js';
import type { ConsumeOptions, LogRecord } from './event-log.js';
import { describeFault } from './fault.js';
import { clientRetry, disconnect, withinTime } from './kafka-client.js';
import type { MessagingLogger } from './transport.js';

/** A member that was killed is replaced after this; 6 s is the least that brokers allow by default. */
const sessionTimeoutMs = 6_000;
const heartbeatIntervalMs = 500;
/** How long the group waits at a rebalance for a member that is still in a handler. */
const rebalanceTimeoutMs = 15_000;
/** The broker answers a fetch as soon as there is a record; this only bounds how long an idle one stays open. */
const fetchWaitMaxMs = 250;
const fetchBytesMax = 4 * 1024 * 1024;
const partitionBytesMax = 512 * 1024;
const partitionsAtOnceMax = 8;
const metadataMaxAgeMs = 30_000;
const joinTimeoutMs = 30_000;
/** How long a closing consumer waits for the handlers that are running. */
const handlersWaitMs = 3_000;
const reconnect: Backoff = { firstMs: 100, maxMs: 3_000 };
const settledAfterMs = 10_000;

export type KafkaConsumerOptions = ConsumeOptions & {
  readonly kafka: Kafka;
  readonly logger: MessagingLogger;
  /** Resolves when the topics exist. */
  readonly ready: () => Promise<void>;
};

/** One member of a consumer group, made anew whenever kafkajs gives up on it. */
export class KafkaConsumer {
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;

  constructor(private readonly options: KafkaConsumerOptions) {}

  start(): void {
    this.#running ??= this.run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  private async run(): Promise<void> {
    const { group, logger } = this.options;
    const stopping = this.#stopping.signal;
    for (let attempt = 0; !stopping.aborted; attempt += 1) {
      const startedAt = Date.now();
      try {
        await this.options.ready();
        if (!stopping.aborted) await this.consume();
      } catch (fault) {
        if (stopping.aborted) return;
        if (Date.now() - startedAt >= settledAfterMs) attempt = 0;
        const waitMs = backoffMs(reconnect, attempt);
        logger.warn(
          { group, waitMs, fault: describeFault(fault) },
          'event consumer lost Kafka and will reconnect',
        );
        await pause(waitMs, stopping);
      }
    }
  }

  /** Resolves when the consumer stops. @throws when kafkajs gave up */
  private async consume(): Promise<void> {
    const { kafka, group, topics } = this.options;
    const consumer = kafka.consumer({
      groupId: group,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: heartbeatIntervalMs,
      rebalanceTimeout: rebalanceTimeoutMs,
      // A broker that is told to gather holds an answer back until it is worth it or the time is up.
      maxWaitTimeInMs: this.options.gatherMs > 0 ? this.options.gatherMs : fetchWaitMaxMs,
      minBytes: this.options.gatherMs > 0 ? partitionBytesMax : 1,
      maxBytes: fetchBytesMax,
      maxBytesPerPartition: partitionBytesMax,
      metadataMaxAge: metadataMaxAgeMs,
      allowAutoTopicCreation: false,
      readUncommitted: false,
      // We restart it ourselves, always, with our own back-off.
      retry: { ...clientRetry, restartOnFailure: async () => false },
    });
    const over = new AbortController();
    const ended = this.untilEnded(consumer, over.signal);
    try {
      await withinTime(this.join(consumer, [...topics]), joinTimeoutMs, 'joining the consumer group');
      await ended;
    } finally {
      over.abort();
      // It leaves the group when the running handlers are done.
      await disconnect(consumer, handlersWaitMs);
    }
  }

  private untilEnded(consumer: Consumer, over: AbortSignal): Promise<void> {
    const ended = new Promise<void>((resolve, reject) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
      this.#stopping.signal.addEventListener('abort', () => resolve(), { signal: over });
    });
    // It may fail before anybody waits for it.
    ended.catch(() => undefined);
    return ended;
  }

  private async join(consumer: Consumer, topics: string[]): Promise<void> {
    await consumer.connect();
    await consumer.subscribe({ topics, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: partitionsAtOnceMax,
      eachBatch: (payload) => this.handle(payload),
    });
  }

  private async handle(payload: EachBatchPayload): Promise<void> {
    const { topic, partition } = payload.batch;
    const lost = new AbortController();
    const { signal } = lost;
    const stopping = this.#stopping.signal;
    const stop = (): void => lost.abort();
    stopping.addEventListener('abort', stop);
    if (stopping.aborted) stop();
    const beat = setInterval(() => {
      payload.heartbeat().catch((fault: unknown) => lost.abort(fault));
    }, heartbeatIntervalMs / 2);
    try {
      for (const records of slices(payload.batch, this.options.batchMax)) {
        if (signal.aborted || !payload.isRunning() || payload.isStale()) break;
        await this.options.onRecords(
          { topic, records: records.map((record) => toRecord(partition, record)) },
          signal,
        );
        await commit(payload, records);
      }
    } catch (fault) {
      if (!(fault instanceof DeliveryAbandonedError)) throw fault;
    } finally {
      clearInterval(beat);
      stopping.removeEventListener('abort', stop);
    }
    // What the heartbeat heard (a rebalance, mostly) is for kafkajs to act on: it rejoins the group.
    if (signal.aborted && !stopping.aborted) throw signal.reason;
  }
}

type Message = Batch['messages'][number];

function* slices(batch: Batch, size: number): Generator<Message[]> {
  for (let at = 0; at < batch.messages.length; at += size) yield batch.messages.slice(at, at + size);
}

async function commit(payload: EachBatchPayload, handled: readonly Message[]): Promise<void> {
  const last = handled.at(-1);
  if (last === undefined) return;
  const { topic, partition } = payload.batch;
  payload.resolveOffset(last.offset);
  const next = (BigInt(last.offset) + 1n).toString();
  await payload.commitOffsetsIfNecessary({ topics: [{ topic, partitions: [{ partition, offset: next }] }] });
}

function toRecord(partition: number, message: Message): LogRecord {
  return {
    partition,
    offset: BigInt(message.offset),
    key: message.key?.toString('utf8') ?? '',
    value: message.value?.toString('utf8') ?? '',
  };
}
