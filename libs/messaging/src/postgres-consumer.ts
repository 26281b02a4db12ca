import { type Backoff, backoffMs, pause, settledWithin } from './backoff.js';
import type { ConsumeOptions } from './event-log.js';
import { describeFault } from './fault.js';
import { PostgresSession } from './postgres-session.js';
import { TopicFeed } from './topic-feed.js';
import { TransportUnavailableError } from './transport.error.js';
import type { MessagingLogger } from './transport.js';

const reconnect: Backoff = { firstMs: 50, maxMs: 2_000 };
/** A connection that lasted this long was a good one: the next loss starts the back-off anew. */
const settledAfterMs = 5_000;
/** How long a closing or reconnecting consumer waits for the handlers that are running. */
const handlersWaitMs = 3_000;
/** A member that is silent for so long hangs: the server ends its session, and with it its locks. */
const silenceMaxMs = 10_000;

export type PostgresConsumerOptions = ConsumeOptions & {
  readonly databaseUrl: string;
  readonly logger: MessagingLogger;
};

/**
 * One member of a consumer group. It has its partitions by session advisory locks; a member that dies loses its
 * connection and so its locks, and another goes on from the offset.
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
          silenceMaxMs,
        });
        try {
          await this.feed(session);
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

  /** Resolves when the consumer stops. @throws when the connection is lost */
  private async feed(session: PostgresSession): Promise<void> {
    const { topics, ...options } = this.options;
    const failed = new AbortController();
    const ended = AbortSignal.any([this.#stopping.signal, session.lost, failed.signal]);
    const feeds = topics.map((topic) => {
      const feed = new TopicFeed({ ...options, topics, topic, session, ended }).run();
      return feed.catch((fault: unknown) => failed.abort(fault));
    });
    const running = Promise.all(feeds);
    await Promise.race([running, aborted(ended)]);
    await settledWithin(running, handlersWaitMs);
    if (this.#stopping.signal.aborted) return;
    throw failed.signal.aborted
      ? failed.signal.reason
      : new TransportUnavailableError('the connection to Postgres broke');
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
