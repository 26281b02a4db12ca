import { parseEvent, type QuittanceEvent, type TopicName, topicOf, topics } from '@quittance/events';

import { deadLetterRecord } from './dead-letter.js';
import { deliver, persistently } from './delivery.js';
import type { EventLog, LogRecord, OutgoingRecord, RecordBatch } from './event-log.js';
import { TransportMisconfiguredError } from './transport.error.js';
import {
  batchMaxDefault,
  type EventTransport,
  type MessagingLogger,
  silentLogger,
  type SubscribeOptions,
} from './transport.js';

const groupPattern = /^[a-z0-9][a-z0-9._-]{0,99}$/;
const batchMaxLimit = 5_000;

/** Events over a log: what both transports have in common, from parsing to dead letters. */
export class LogTransport implements EventTransport {
  constructor(
    private readonly log: EventLog,
    private readonly logger: MessagingLogger = silentLogger,
  ) {}

  async publish(events: readonly QuittanceEvent[]): Promise<void> {
    await this.publishRecords(
      events.map((event) => ({ topic: topicOf(event), key: event.key, value: JSON.stringify(event) })),
    );
  }

  private async publishRecords(records: readonly OutgoingRecord[]): Promise<void> {
    if (records.length > 0) await this.log.append(records);
  }

  async subscribe(options: SubscribeOptions): Promise<void> {
    const { group, topics: names, batchMax = batchMaxDefault, gatherMs = 0, unhurried = [] } = options;
    if (!groupPattern.test(group))
      throw new TransportMisconfiguredError(`Consumer group ${group}: use a-z 0-9 . _ -`);
    if (names.length === 0)
      throw new TransportMisconfiguredError(`Consumer group ${group}: name at least one topic`);
    if (names.includes(topics.deadLetters.name)) {
      throw new TransportMisconfiguredError('Dead letters are no events: no event consumer can read them');
    }
    if (!Number.isInteger(batchMax) || batchMax < 1 || batchMax > batchMaxLimit) {
      throw new TransportMisconfiguredError(`batchMax is ${batchMax}: use 1 to ${batchMaxLimit}`);
    }
    this.log.consume({
      group,
      topics: [...names],
      batchMax,
      gatherMs,
      canWait: recordsOfTypes(unhurried),
      onRecords: (batch, signal) => this.take(batch, options, signal),
    });
  }

  ping(): Promise<void> {
    return this.log.ping();
  }

  close(): Promise<void> {
    return this.log.close();
  }

  private async take(batch: RecordBatch, options: SubscribeOptions, signal: AbortSignal): Promise<void> {
    const context = { group: options.group, signal, logger: this.logger };
    const from = { topic: batch.topic, group: options.group };
    const setAside = (record: LogRecord, reason: string): Promise<void> =>
      this.publishRecords([deadLetterRecord({ record, from, reason, failedAt: new Date() })]);

    const records = new Map<QuittanceEvent, LogRecord>();
    for (const record of batch.records) {
      const read = readRecord(record, batch.topic);
      if (read.ok) {
        records.set(read.event, record);
        continue;
      }
      this.logger.error(
        { ...from, partition: record.partition, offset: record.offset.toString(), reason: read.problem },
        'message is no event and was put aside',
      );
      await persistently(() => setAside(record, read.problem), context);
    }

    await deliver(
      {
        topic: batch.topic as TopicName,
        partitions: [...new Set(batch.records.map(({ partition }) => partition))],
        events: [...records.keys()],
      },
      {
        ...context,
        onBatch: options.onBatch,
        setAside: async (event, reason) => {
          const record = records.get(event);
          if (record !== undefined) await setAside(record, reason);
        },
      },
    );
  }
}

const typeOf = /"type":"([a-z._]+)"/;

/** By the look of their text, which is parsed when they are handed over. */
function recordsOfTypes(types: readonly string[]): (record: LogRecord) => boolean {
  const wanted = new Set(types);
  return ({ value }) => wanted.has(typeOf.exec(value)?.[1] ?? '');
}

type ReadRecord =
  { readonly ok: true; readonly event: QuittanceEvent } | { readonly ok: false; readonly problem: string };

function readRecord(record: LogRecord, topic: string): ReadRecord {
  let json: unknown;
  try {
    json = JSON.parse(record.value);
  } catch (fault) {
    return { ok: false, problem: `The message is not JSON: ${(fault as SyntaxError).message}`.slice(0, 300) };
  }
  const parsed = parseEvent(json);
  if (!parsed.ok) return parsed;
  const expected = topicOf(parsed.event);
  return expected === topic
    ? parsed
    : { ok: false, problem: `${parsed.event.type} belongs to ${expected}, not to ${topic}` };
}
