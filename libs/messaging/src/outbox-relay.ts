import type { QuittanceEvent } from '@quittance/events';

import { type Backoff, backoffMs, pause, settledWithin } from './backoff.js';
import { describeFault } from './fault.js';
import { Pace } from './pace.js';
import { PostgresSession } from './postgres-session.js';
import { type EventTransport, type MessagingLogger, type ServiceSchema, silentLogger } from './transport.js';
import { Wakeup } from './wakeup.js';

export const relayBatchMax = 500;
/** How long an event can wait at most when its notification was lost with a connection. */
const pollIntervalMs = 250;
/** How soon a standby notices that the active relay is gone. */
const standbyPollMs = 100;
const retry: Backoff = { firstMs: 50, maxMs: 2_000 };
/** A connection that lasted this long was a good one: the next loss starts the back-off anew. */
const settledAfterMs = 5_000;
const closeWaitMs = 4_000;
/** Published events stay this long, for whoever looks into what happened. */
const publishedKeptHours = 24;
const pruneIntervalMs = 60_000;
const pruneMax = 5_000;

export type OutboxRelayOptions = {
  /** Postgres, as the service's own role. */
  readonly databaseUrl: string;
  readonly schema: ServiceSchema;
  readonly transport: Pick<EventTransport, 'publish'>;
  readonly logger?: MessagingLogger;
};

type OutboxRow = { readonly sequence: string; readonly event: string };

/**
 * Publishes what a service wrote to its outbox, in order; where events go right to the log, what was left there before.
 * Of all replicas one is active, by a lock that dies with its
 * connection; a relay killed between publishing and marking publishes again, and the consumers' inboxes drop the copy.
 */
export class OutboxRelay {
  readonly #stopping = new AbortController();
  readonly #bell = new Wakeup();
  readonly #pace = new Pace();
  readonly #logger: MessagingLogger;
  #running: Promise<void> | undefined;

  constructor(private readonly options: OutboxRelayOptions) {
    this.#logger = options.logger ?? silentLogger;
  }

  /** Returns at once; what fails is tried again with bounded back-off until `close`. */
  start(): void {
    this.#running ??= this.run();
  }

  /** Looks now, without waiting for the database's notification. */
  wake(): void {
    this.#bell.wake();
  }

  /** Finishes the batch in hand (bounded) and lets another replica take over. May be called twice. */
  async close(): Promise<void> {
    this.#stopping.abort();
    if (this.#running) await settledWithin(this.#running, closeWaitMs);
  }

  private get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  private async run(): Promise<void> {
    const { schema, databaseUrl: url } = this.options;
    for (let attempt = 0; !this.stopping.aborted; attempt += 1) {
      const startedAt = Date.now();
      try {
        const session = await PostgresSession.open({
          url,
          applicationName: `quittance_outbox_relay_${schema}`,
        });
        try {
          await this.relay(session);
        } finally {
          await session.close();
        }
      } catch (fault) {
        if (this.stopping.aborted) return;
        if (Date.now() - startedAt >= settledAfterMs) attempt = 0;
        const waitMs = backoffMs(retry, attempt);
        this.#logger.warn(
          { schema, waitMs, fault: describeFault(fault) },
          'outbox relay lost Postgres and will reconnect',
        );
        await pause(waitMs, this.stopping);
      }
    }
  }

  private async relay(session: PostgresSession): Promise<void> {
    const { schema } = this.options;
    const ended = AbortSignal.any([this.stopping, session.lost]);
    while (!(await session.tryLock(`quittance_outbox_relay/${schema}`))) {
      await pause(standbyPollMs, ended);
      if (this.stopping.aborted) return;
    }
    this.#logger.info({ schema }, 'outbox relay is active');
    await session.listen(`quittance_outbox_${schema}`, () => this.#bell.wake());

    let pruneAt = Date.now() + pruneIntervalMs;
    for (let failures = 0; !this.stopping.aborted;) {
      const rows = await this.unpublished(session);
      if (rows.length > 0) {
        failures = (await this.published(rows)) ? 0 : failures + 1;
        if (failures > 0) {
          await pause(backoffMs(retry, failures), ended);
          continue;
        }
        this.#pace.note(Date.now());
        await this.mark(session, rows);
      }
      if (rows.length === relayBatchMax) continue;
      if (Date.now() >= pruneAt) {
        await this.prune(session);
        pruneAt = Date.now() + pruneIntervalMs;
      }
      // Only who was rung for waits for more: otherwise there may be nothing to wait for.
      if (await this.#bell.wait(pollIntervalMs, ended)) await pause(this.#pace.gatherMs(Date.now()), ended);
    }
  }

  private async unpublished(session: PostgresSession): Promise<OutboxRow[]> {
    const { rows } = await session.query<OutboxRow>(
      `SELECT o.sequence::text AS sequence, o.event::text AS event FROM ${this.options.schema}.outbox o
        WHERE o.published_at IS NULL ORDER BY o.sequence LIMIT ${relayBatchMax}`,
    );
    return rows;
  }

  private async published(rows: readonly OutboxRow[]): Promise<boolean> {
    try {
      // The outbox is written by emitEvents alone, from typed events; every consumer parses what it gets.
      await this.options.transport.publish(rows.map((row) => JSON.parse(row.event) as QuittanceEvent));
      return true;
    } catch (fault) {
      this.#logger.warn(
        { schema: this.options.schema, events: rows.length, fault: describeFault(fault) },
        'outbox could not be published and will be tried again',
      );
      return false;
    }
  }

  private async mark(session: PostgresSession, rows: readonly OutboxRow[]): Promise<void> {
    await session.query(
      `UPDATE ${this.options.schema}.outbox SET published_at = now() WHERE sequence = ANY ($1::bigint[])`,
      [rows.map((row) => row.sequence)],
    );
  }

  private async prune(session: PostgresSession): Promise<void> {
    const { schema } = this.options;
    await session.query(
      `DELETE FROM ${schema}.outbox WHERE sequence IN (
         SELECT sequence FROM ${schema}.outbox
          WHERE published_at < now() - make_interval(hours => ${publishedKeptHours})
          ORDER BY published_at LIMIT ${pruneMax})`,
    );
  }
}
