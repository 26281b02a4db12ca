import { type Backoff, backoffMs, pause, settledWithin } from './backoff.js';
import type { ConsumeOptions, LogRecord } from './event-log.js';
import { describeFault } from './fault.js';
import { PostgresSession } from './postgres-session.js';
import { TransportUnavailableError } from './transport.error.js';
import type { MessagingLogger } from './transport.js';
import { Wakeup } from './wakeup.js';

/** How long a record can wait at most when its notification was lost with a connection. */
const pollIntervalMs = 250;
/** How long a partition is kept after its last record, for the next: a member that stops or dies gives it up at once. */
const lingerMs = 150;
const reconnect: Backoff = { firstMs: 50, maxMs: 2_000 };
/** A connection that lasted this long was a good one: the next loss starts the back-off anew. */
const settledAfterMs = 5_000;
/** How long a closing or reconnecting consumer waits for the handlers that are running. */
const handlersWaitMs = 3_000;

type Partition = { readonly topic: string; readonly partition: number };
type Row = { readonly offset: string; readonly key: string; readonly value: string };

export type PostgresConsumerOptions = ConsumeOptions & {
  readonly databaseUrl: string;
  readonly logger: MessagingLogger;
};

/**
 * One member of a consumer group. It takes a partition with a session advisory lock for as long as there is something
 * in it to handle; a member that dies loses its connection and so its locks, and another goes on from the offset.
 */
export class PostgresConsumer {
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;

  constructor(private readonly options: PostgresConsumerOptions) {}

  start(): void {
    this.#running ??= this.run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  private async run(): Promise<void> {
    const { logger, group } = this.options;
    for (let attempt = 0; !this.#stopping.signal.aborted; attempt += 1) {
      const startedAt = Date.now();
      try {
        const session = await PostgresSession.open({
          url: this.options.databaseUrl,
          applicationName: `quittance_consumer_${group}`.slice(0, 63),
        });
        try {
          await new Membership(session, this.options, this.#stopping.signal).run();
        } finally {
          await session.close();
        }
      } catch (fault) {
        if (this.#stopping.signal.aborted) return;
        if (Date.now() - startedAt >= settledAfterMs) attempt = 0;
        const waitMs = backoffMs(reconnect, attempt);
        logger.warn(
          { group, waitMs, fault: describeFault(fault) },
          'event consumer lost Postgres and will reconnect',
        );
        await pause(waitMs, this.#stopping.signal);
      }
    }
  }
}

/** A consumer's time on one connection. */
class Membership {
  /** Partitions being worked on, each with a bell that rings when more is announced meanwhile. */
  readonly #busy = new Map<string, Wakeup>();
  readonly #work = new Set<Promise<void>>();
  readonly #ended = new AbortController();
  #fault: unknown;

  constructor(
    private readonly session: PostgresSession,
    private readonly options: PostgresConsumerOptions,
    private readonly stopping: AbortSignal,
  ) {
    for (const signal of [stopping, session.lost]) {
      if (signal.aborted) this.end(undefined);
      else signal.addEventListener('abort', () => this.end(undefined), { signal: this.#ended.signal });
    }
  }

  /** Resolves when the consumer stops. @throws when the connection is lost */
  async run(): Promise<void> {
    const { options } = this;
    try {
      await this.session.listen('quittance_log', (payload) => {
        const [topic = '', partition = ''] = payload.split(':');
        if (options.topics.includes(topic)) this.take({ topic, partition: Number(partition) });
      });
      while (!this.#ended.signal.aborted) {
        for (const partition of await this.behind()) this.take(partition);
        await pause(pollIntervalMs, this.#ended.signal);
      }
    } finally {
      this.end(undefined);
      await settledWithin(Promise.all(this.#work), handlersWaitMs);
    }
    if (!this.stopping.aborted)
      throw this.#fault ?? new TransportUnavailableError('the connection to Postgres broke');
  }

  private end(fault: unknown): void {
    this.#fault ??= fault;
    this.#ended.abort();
  }

  private async behind(): Promise<Partition[]> {
    const { rows } = await this.session.query<Partition>(
      `SELECT h.topic, h.partition
         FROM events.partition_head h
         LEFT JOIN events.consumer_offset o
           ON o.consumer_group = $1 AND o.topic = h.topic AND o.partition = h.partition
        WHERE h.topic = ANY ($2::text[]) AND h.next_offset > coalesce(o.next_offset, 0)`,
      [this.options.group, this.options.topics],
    );
    return rows;
  }

  private take(partition: Partition): void {
    const name = this.lockName(partition);
    if (this.#ended.signal.aborted) return;
    const busy = this.#busy.get(name);
    if (busy !== undefined) {
      busy.wake();
      return;
    }
    const bell = new Wakeup();
    this.#busy.set(name, bell);
    const work = this.drain(partition, name, bell)
      .catch((fault: unknown) => this.end(fault))
      .finally(() => {
        this.#work.delete(work);
        this.#busy.delete(name);
      });
    this.#work.add(work);
  }

  private async drain(partition: Partition, name: string, bell: Wakeup): Promise<void> {
    do {
      bell.answer();
      if (!(await this.session.tryLock(name))) return;
      while (!this.#ended.signal.aborted) {
        if (this.options.gatherMs > 0) await pause(this.options.gatherMs, this.#ended.signal);
        const full = await this.handleNext(partition);
        // More comes with a ring. Under load it comes soon, and to give the partition up and take it again is work.
        if (!full && !(await bell.wait(lingerMs, this.#ended.signal))) break;
      }
      await this.session.unlock(name);
      // Announced between the last look and the unlock: other members found it locked, so the look is ours.
    } while (bell.answer() && !this.#ended.signal.aborted);
  }

  /** Whether there is likely more: the batch was a full one. */
  private async handleNext(partition: Partition): Promise<boolean> {
    const records = await this.read(partition);
    const [first] = records;
    const last = records.at(-1);
    if (first === undefined || last === undefined) return false;
    await this.options.onRecords({ ...partition, records }, this.#ended.signal);
    await this.move(partition, { from: first.offset, to: last.offset + 1n });
    return records.length === this.options.batchMax;
  }

  private async read({ topic, partition }: Partition): Promise<LogRecord[]> {
    const { rows } = await this.session.query<Row>(
      `SELECT l."offset"::text AS "offset", l.key, l.value
         FROM events.log l
        WHERE l.topic = $2 AND l.partition = $3
          AND l."offset" >= coalesce((SELECT next_offset FROM events.consumer_offset
                                     WHERE consumer_group = $1 AND topic = $2 AND partition = $3), 0)
        ORDER BY l."offset" LIMIT $4`,
      [this.options.group, topic, partition, this.options.batchMax],
    );
    return rows.map((row) => ({ offset: BigInt(row.offset), key: row.key, value: row.value }));
  }

  private async move({ topic, partition }: Partition, offset: { from: bigint; to: bigint }): Promise<void> {
    const { rowCount } = await this.session.query(
      `INSERT INTO events.consumer_offset AS o (consumer_group, topic, partition, next_offset)
       VALUES ($1, $2, $3, $5)
       ON CONFLICT (consumer_group, topic, partition)
       DO UPDATE SET next_offset = excluded.next_offset, moved_at = now() WHERE o.next_offset = $4`,
      [this.options.group, topic, partition, offset.from.toString(), offset.to.toString()],
    );
    // The lock makes this impossible, unless an operator moved the offset by hand: then his word counts.
    if (rowCount === 0)
      this.options.logger.warn({ topic, partition }, 'the offset was moved by somebody else');
  }

  private lockName({ topic, partition }: Partition): string {
    return `quittance_consumer/${this.options.group}/${topic}/${partition}`;
  }
}
