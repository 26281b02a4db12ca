import pg from 'pg';

import { settledWithin } from './backoff.js';
import type { ConsumeOptions, EventLog, OutgoingRecord } from './event-log.js';
import { PostgresConsumer } from './postgres-consumer.js';
import {
  connectTimeoutMs,
  endWaitMs,
  preparedAs,
  statementTimeoutMs,
  transportFault,
} from './postgres-session.js';
import { chunkRecords, publishLimits } from './record-chunk.js';
import { partitionOf } from './topic-partition.js';
import { TransportUnavailableError } from './transport.error.js';
import type { MessagingLogger } from './transport.js';

const connectionsMax = 4;

export type PostgresLogOptions = { readonly databaseUrl: string; readonly logger: MessagingLogger };

/** The log as a table: `events.log`, written through `events.append`, which announces it with NOTIFY. */
export class PostgresLog implements EventLog {
  readonly #pool: pg.Pool;
  readonly #consumers = new Set<PostgresConsumer>();
  #closed: Promise<void> | undefined;

  constructor(private readonly options: PostgresLogOptions) {
    this.#pool = new pg.Pool({
      connectionString: options.databaseUrl,
      application_name: 'quittance_event_publisher',
      max: connectionsMax,
      connectionTimeoutMillis: connectTimeoutMs,
      statement_timeout: statementTimeoutMs,
      query_timeout: statementTimeoutMs,
      keepAlive: true,
    });
    // An idle connection that breaks is replaced when it is next needed; without a listener it would end the process.
    this.#pool.on('error', (fault) =>
      options.logger.debug({ fault: fault.message }, 'idle connection broke'),
    );
  }

  async append(records: readonly OutgoingRecord[]): Promise<void> {
    this.refuseWhenClosed();
    for (const chunk of chunkRecords(records, publishLimits)) {
      await this.run('SELECT events.append($1::text[], $2::integer[], $3::text[], $4::text[])', [
        chunk.map((record) => record.topic),
        chunk.map((record) => partitionOf(record.topic, record.key)),
        chunk.map((record) => record.key),
        chunk.map((record) => record.value),
      ]);
    }
  }

  consume(options: ConsumeOptions): void {
    this.refuseWhenClosed();
    const consumer = new PostgresConsumer({ ...this.options, ...options });
    this.#consumers.add(consumer);
    consumer.start();
  }

  async ping(): Promise<void> {
    this.refuseWhenClosed();
    await this.run('SELECT FROM events.log LIMIT 0', []);
  }

  close(): Promise<void> {
    this.#closed ??= (async () => {
      await Promise.all([...this.#consumers].map((consumer) => consumer.stop()));
      await settledWithin(this.#pool.end(), endWaitMs);
    })();
    return this.#closed;
  }

  private refuseWhenClosed(): void {
    if (this.#closed) throw new TransportUnavailableError('it is closed');
  }

  private async run(text: string, values: unknown[]): Promise<void> {
    try {
      await this.#pool.query({ ...preparedAs(text), text, values });
    } catch (fault) {
      throw transportFault(fault);
    }
  }
}
