import { crc32 } from 'node:zlib';

import { type QuittanceEvent, topicOf, topics } from '@quittance/events';

const partitionCounts = new Map<string, number>(
  Object.values(topics).map((topic) => [topic.name, topic.partitions]),
);

/** How many partitions a topic of the Postgres log has. */
export function partitionCountOf(topic: string): number {
  return partitionCounts.get(topic) ?? 1;
}

/** A key's partition; never changes as long as the topic's partition count does not. */
export function partitionOf(topic: string, key: string): number {
  return crc32(key) % partitionCountOf(topic);
}

/** Where an event goes, as `emit` of a service's schema takes it. */
export type EventPlace = { readonly topic: string; readonly partition: number; readonly key: string };

/** The place of an event in the Postgres log, for SQL that emits events itself. */
export function eventPlace(event: QuittanceEvent): EventPlace {
  const topic = topicOf(event);
  return { topic, partition: partitionOf(topic, event.key), key: event.key };
}
