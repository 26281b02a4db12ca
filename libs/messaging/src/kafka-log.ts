import { type Admin, type Kafka, Partitioners, type Producer, type TopicMessages } from 'kafkajs';

import type { ConsumeOptions, EventLog, OutgoingRecord } from './event-log.js';
import { describeFault } from './fault.js';
import {
  clientRetry,
  connectKafka,
  disconnect,
  ensureTopics,
  type KafkaOptions,
  requestTimeoutMs,
  withinTime,
} from './kafka-client.js';
import { KafkaConsumer } from './kafka-consumer.js';
import { chunkRecords, publishLimits } from './record-chunk.js';
import { TransportMisconfiguredError, TransportUnavailableError } from './transport.error.js';

const publishTimeoutMs = 8_000;
const pingTimeoutMs = 2_000;
const acksAll = -1;

/** The log as Kafka topics. */
export class KafkaLog implements EventLog {
  readonly #kafka: Kafka;
  readonly #consumers = new Set<KafkaConsumer>();
  #producer: Promise<Producer> | undefined;
  #admin: Promise<Admin> | undefined;
  #topics: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(private readonly options: KafkaOptions) {
    this.#kafka = connectKafka(options);
  }

  async append(records: readonly OutgoingRecord[]): Promise<void> {
    this.refuseWhenClosed();
    for (const chunk of chunkRecords(records, publishLimits)) {
      const producer = (this.#producer ??= this.connectProducer());
      try {
        await withinTime(this.send(producer, chunk), publishTimeoutMs, 'publishing');
      } catch (fault) {
        // After a failure an idempotent producer's sequence numbers may be out of step with the broker's.
        if (this.#producer === producer) this.#producer = undefined;
        void this.discard(producer);
        throw transportFault(fault);
      }
    }
  }

  consume(options: ConsumeOptions): void {
    this.refuseWhenClosed();
    const consumer = new KafkaConsumer({
      ...options,
      kafka: this.#kafka,
      logger: this.options.logger,
      ready: () => this.topicsReady(),
    });
    this.#consumers.add(consumer);
    consumer.start();
  }

  async ping(): Promise<void> {
    this.refuseWhenClosed();
    const admin = (this.#admin ??= this.connectAdmin());
    try {
      await withinTime(
        admin.then((connected) => connected.describeCluster()),
        pingTimeoutMs,
        'asking for the cluster',
      );
    } catch (fault) {
      if (this.#admin === admin) this.#admin = undefined;
      void this.discard(admin);
      throw transportFault(fault);
    }
  }

  close(): Promise<void> {
    this.#closed ??= (async () => {
      await Promise.all([...this.#consumers].map((consumer) => consumer.stop()));
      await Promise.all([this.discard(this.#producer), this.discard(this.#admin)]);
    })();
    return this.#closed;
  }

  private refuseWhenClosed(): void {
    if (this.#closed) throw new TransportUnavailableError('it is closed');
  }

  private async send(producer: Promise<Producer>, records: readonly OutgoingRecord[]): Promise<void> {
    await (
      await producer
    ).sendBatch({
      topicMessages: byTopic(records),
      acks: acksAll,
      timeout: requestTimeoutMs,
    });
  }

  private async connectProducer(): Promise<Producer> {
    await this.topicsReady();
    const producer = this.#kafka.producer({
      idempotent: true,
      // One request at a time, or a retried one could overtake its successor.
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      retry: clientRetry,
    });
    await producer.connect();
    return producer;
  }

  private async connectAdmin(): Promise<Admin> {
    const admin = this.#kafka.admin({ retry: { ...clientRetry, retries: 0 } });
    await admin.connect();
    return admin;
  }

  private topicsReady(): Promise<void> {
    const ready = (this.#topics ??= ensureTopics(this.#kafka).catch((fault: unknown) => {
      this.#topics = undefined;
      throw fault;
    }));
    return ready;
  }

  private async discard(client: Promise<{ disconnect(): Promise<void> }> | undefined): Promise<void> {
    // A client that never connected has nothing to disconnect, and its fault was reported where it was needed.
    const connected = await client?.catch(() => undefined);
    await disconnect(connected);
  }
}

function byTopic(records: readonly OutgoingRecord[]): TopicMessages[] {
  const messages = new Map<string, { key: string; value: string }[]>();
  for (const { topic, key, value } of records) {
    const list = messages.get(topic);
    if (list) list.push({ key, value });
    else messages.set(topic, [{ key, value }]);
  }
  return [...messages].map(([topic, list]) => ({ topic, messages: list }));
}

function transportFault(fault: unknown): TransportUnavailableError | TransportMisconfiguredError {
  if (fault instanceof TransportUnavailableError || fault instanceof TransportMisconfiguredError)
    return fault;
  return new TransportUnavailableError(describeFault(fault), { cause: fault });
}
