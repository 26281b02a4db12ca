import { randomUUID } from 'node:crypto';

import { describe, it } from '@jest/globals';
import { topics } from '@quittance/events';
import { startKafka } from '@quittance/testing';
import { Kafka, logLevel } from 'kafkajs';

import { type DeadLetter, deadLetterSchema } from '../src/index.js';
import { connectKafka, ensureTopics } from '../src/kafka-client.js';
import { KafkaLog } from '../src/kafka-log.js';
import { silentLogger } from '../src/transport.js';
import { describeTransport } from './transport-contract.js';

const kafka = await startKafka();

if ('unavailable' in kafka) {
  // Said aloud and counted as skipped: a run without Kafka must not be mistaken for one with it.
  process.stderr.write(`${kafka.unavailable}\n`);
  describe.skip('the kafka transport', () => {
    it('is tested where there is a broker', () => undefined);
  });
} else {
  describeTransport(
    'kafka',
    async () => {
      const { brokers } = kafka;
      const log = new KafkaLog({ brokers, clientId: 'raw', logger: silentLogger });
      const letters: DeadLetter[] = [];
      const reader = new Kafka({ brokers, clientId: 'letters', logLevel: logLevel.NOTHING }).consumer({
        groupId: randomUUID(),
        maxWaitTimeInMs: 100,
      });
      // Services start at once, and each finds the topics missing.
      const client = connectKafka({ brokers, clientId: 'topics', logger: silentLogger });
      await Promise.all([ensureTopics(client), ensureTopics(client), ensureTopics(client)]);
      await reader.subscribe({ topics: [topics.deadLetters.name], fromBeginning: true });
      await reader.run({
        eachMessage: async ({ message }) => {
          letters.push(deadLetterSchema.parse(JSON.parse(message.value?.toString() ?? '')));
        },
      });
      return {
        options: { kind: 'kafka', brokers, clientId: 'contract' },
        appendRaw: (record) => log.append([record]),
        deadLetters: async () => letters,
        stopServer: async () => kafka.stopServer?.(),
        startServer: async () => kafka.startServer?.(),
        stop: async () => {
          await Promise.all([log.close(), reader.disconnect()]);
          await kafka.stop();
        },
      };
    },
    kafka.stopServer !== undefined,
  );
}
