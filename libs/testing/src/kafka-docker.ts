import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { freePort } from '@quittance/embedded';

import { kafkaClusterId } from './kafka-cluster-id.js';
import type { KafkaUnavailable, TestKafka } from './kafka.js';

const run = promisify(execFile);
const image = 'apache/kafka:4.1.1';
const probeTimeoutMs = 5_000;
const startTimeoutMs = 120_000;
const startedLine = /Kafka Server started/;

/** The official image, if a Docker daemon answers; a client alone is not enough. */
export async function startDockerKafka(): Promise<TestKafka | KafkaUnavailable> {
  if (!(await daemonAnswers())) return { unavailable: 'no Docker daemon answers' };
  // Loaded only here: it is large, and needs a newer Node than the rest.
  const { GenericContainer, getContainerRuntimeClient, Wait } = await import('testcontainers');
  const { info } = await getContainerRuntimeClient();
  const port = await freePort();
  const broker = `${info.containerRuntime.host}:${port}`;
  const container = await new GenericContainer(image)
    .withExposedPorts({ container: 9092, host: port })
    .withEnvironment(environment(broker))
    .withWaitStrategy(Wait.forLogMessage(startedLine))
    .withStartupTimeout(startTimeoutMs)
    .start();
  const id = container.getId();
  return {
    brokers: [broker],
    stop: async () => void (await container.stop()),
    stopServer: async () => void (await run('docker', ['kill', id])),
    startServer: async () => void (await run('docker', ['start', id])),
  };
}

async function daemonAnswers(): Promise<boolean> {
  return run('docker', ['info', '--format', '{{.ServerVersion}}'], { timeout: probeTimeoutMs }).then(
    ({ stdout }) => stdout.trim() !== '',
    () => false,
  );
}

/** The image takes all settings from its environment as soon as one is given. */
function environment(broker: string): Record<string, string> {
  return {
    CLUSTER_ID: kafkaClusterId(),
    KAFKA_NODE_ID: '1',
    KAFKA_PROCESS_ROLES: 'broker,controller',
    KAFKA_LISTENERS: 'CONTROLLER://:29093,OUTSIDE://:9092,INSIDE://:19092',
    KAFKA_ADVERTISED_LISTENERS: `OUTSIDE://${broker},INSIDE://localhost:19092`,
    KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'CONTROLLER:PLAINTEXT,OUTSIDE:PLAINTEXT,INSIDE:PLAINTEXT',
    KAFKA_INTER_BROKER_LISTENER_NAME: 'INSIDE',
    KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
    KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:29093',
    KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
    KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
    KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS: '1',
    KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
    KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
    KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
  };
}
