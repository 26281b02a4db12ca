import { topics } from '@quittance/events';
import { z } from 'zod';

import type { LogRecord, OutgoingRecord } from './event-log.js';

/** Where a message stood, and why nobody could use it. The message itself stays in its topic too. */
export const deadLetterSchema = z.object({
  topic: z.string(),
  partition: z.int(),
  offset: z.string(),
  group: z.string(),
  reason: z.string(),
  failedAt: z.iso.datetime(),
  key: z.string(),
  value: z.string(),
  truncated: z.boolean().describe('The value was longer than a dead letter carries; the topic has it whole.'),
});

export type DeadLetter = z.output<typeof deadLetterSchema>;

// Well under the 1 MiB that both logs take for a record, even if every character needs an escape.
const valueLengthMax = 100_000;
const keyLengthMax = 100;

export type DeadLetterParts = {
  readonly record: LogRecord;
  readonly from: { readonly topic: string; readonly group: string };
  readonly reason: string;
  readonly failedAt: Date;
};

/** The record that goes to the dead-letter topic. */
export function deadLetterRecord({ record, from, reason, failedAt }: DeadLetterParts): OutgoingRecord {
  const letter: DeadLetter = {
    ...from,
    partition: record.partition,
    offset: record.offset.toString(),
    reason,
    failedAt: failedAt.toISOString(),
    key: record.key.slice(0, keyLengthMax),
    value: record.value.slice(0, valueLengthMax),
    truncated: record.value.length > valueLengthMax,
  };
  return { topic: topics.deadLetters.name, key: letter.key, value: JSON.stringify(letter) };
}
