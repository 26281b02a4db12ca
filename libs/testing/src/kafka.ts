import { startDockerKafka } from './kafka-docker.js';
import { startJavaKafka } from './kafka-java.js';

export type TestKafka = {
  readonly brokers: string[];
  stop(): Promise<void>;
  /** Takes the broker down as a crash does; `startServer` brings it back on the same port. Not for brokers of others. */
  readonly stopServer?: () => Promise<void>;
  readonly startServer?: () => Promise<void>;
};

/** One plain line that says why there is no Kafka here. */
export type KafkaUnavailable = { readonly unavailable: string };

/**
 * A Kafka broker for tests: the one that KAFKA_BROKERS names, else a container, else a local Java process
 * (see infra/kafka). Ends with this process, even when that is killed.
 */
export async function startKafka(): Promise<TestKafka | KafkaUnavailable> {
  const named = process.env['KAFKA_BROKERS']?.split(',').filter((broker) => broker.trim() !== '');
  if (named?.length) return { brokers: named, stop: async () => undefined };
  const inDocker = await startDockerKafka();
  if (!('unavailable' in inDocker)) return inDocker;
  const inJava = await startJavaKafka();
  if (!('unavailable' in inJava)) return inJava;
  return {
    unavailable: `No Kafka here: KAFKA_BROKERS is not set, ${inDocker.unavailable}, and ${inJava.unavailable}.`,
  };
}
