import { describe } from '@jest/globals';

import {
  postgresTransport,
  startKafkaTransport,
  type Transport,
  type TransportKind,
} from '../src/transport.js';

/**
 * Runs a suite over both transports. Where no Kafka is possible, one plain line says so and the suite counts as
 * skipped, which CI takes for a failure.
 */
export function overBothTransports(
  name: string,
  suite: (start: () => Promise<Transport>, kind: TransportKind) => void,
): void {
  const start: Record<TransportKind, () => Promise<Transport>> = {
    postgres: async () => postgresTransport,
    kafka: async () => {
      const transport = await kafka;
      if ('unavailable' in transport) throw new Error(transport.unavailable);
      return transport;
    },
  };
  describe(`${name}, over postgres`, () => suite(start.postgres, 'postgres'));
  (kafkaMissing === undefined ? describe : describe.skip)(`${name}, over kafka`, () =>
    suite(start.kafka, 'kafka'),
  );
}

const kafka = startKafkaTransport();
const started = await kafka;
const kafkaMissing = 'unavailable' in started ? started.unavailable : undefined;
if (kafkaMissing !== undefined) process.stderr.write(`SKIPPED: ${kafkaMissing}\n`);
