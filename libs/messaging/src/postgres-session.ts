import pg from 'pg';

import { settledWithin } from './backoff.js';
import { isRetryable } from './fault.js';
import { TransportMisconfiguredError, TransportUnavailableError } from './transport.error.js';

export const connectTimeoutMs = 3_000;
export const statementTimeoutMs = 8_000;
export const endWaitMs = 1_000;

// Keep-alive on both sides: a machine that vanished must not hold its locks for the two hours of the system's default.
// Offsets and marks are written without waiting for the disk: losing them in a power cut means a redelivery, no more.
const sessionSettings = [
  'synchronous_commit=off',
  // Everything here is looked up by a key; a plan made while a table was empty must not stay a scan of it.
  'enable_seqscan=off',
  'plan_cache_mode=force_generic_plan',
  `statement_timeout=${statementTimeoutMs}`,
  'tcp_keepalives_idle=5',
  'tcp_keepalives_interval=2',
  'tcp_keepalives_count=3',
];

const asOptions = (settings: readonly string[]): string =>
  settings.map((setting) => `-c ${setting}`).join(' ');

/** Texts are few and come from us; one past this many is run without being kept. */
const preparedMax = 100;
const names = new Map<string, string>();

/** A text with a name is parsed and planned once a connection, and not each time. */
export function preparedAs(text: string): { name?: string } {
  const known = names.get(text);
  if (known !== undefined) return { name: known };
  if (names.size >= preparedMax) return {};
  const name = `quittance_event_${names.size + 1}`;
  names.set(text, name);
  return { name };
}

/** One Postgres connection that is kept, for what lives and dies with it: advisory locks and LISTEN. */
export class PostgresSession {
  readonly #lost = new AbortController();
  #last: Promise<unknown> = Promise.resolve();

  private constructor(private readonly client: pg.Client) {
    client.on('error', () => this.#lost.abort());
    client.on('end', () => this.#lost.abort());
  }

  /** @throws whatever the connection attempt fails with */
  static async open(options: {
    readonly url: string;
    readonly applicationName: string;
    /** The server ends a session that asks nothing for so long; for sessions that ask all the time. */
    readonly silenceMaxMs?: number;
  }): Promise<PostgresSession> {
    const client = new pg.Client({
      connectionString: options.url,
      application_name: options.applicationName,
      connectionTimeoutMillis: connectTimeoutMs,
      query_timeout: statementTimeoutMs,
      keepAlive: true,
      options: asOptions(
        options.silenceMaxMs === undefined
          ? sessionSettings
          : [...sessionSettings, `idle_session_timeout=${options.silenceMaxMs}`],
      ),
    });
    const session = new PostgresSession(client);
    try {
      await client.connect();
    } catch (fault) {
      await session.close();
      throw fault;
    }
    return session;
  }

  /** Aborts when the connection is gone, and all its locks with it. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  async query<Row extends pg.QueryResultRow>(
    text: string,
    values: readonly unknown[] = [],
  ): Promise<pg.QueryResult<Row>> {
    return this.inTurn(() => this.client.query<Row>({ ...preparedAs(text), text, values: [...values] }));
  }

  async listen(channel: string, onNotify: (payload: string) => void): Promise<void> {
    this.client.on('notification', (notification) => {
      if (notification.channel === channel) onNotify(notification.payload ?? '');
    });
    await this.query(`LISTEN ${pg.escapeIdentifier(channel)}`);
  }

  /** Takes the lock of that name for this session, unless somebody has it. */
  async tryLock(name: string): Promise<boolean> {
    return (await this.tryLocks([name])).has(name);
  }

  /** Takes those locks for this session that nobody has, and names them. */
  async tryLocks(names: readonly string[]): Promise<ReadonlySet<string>> {
    const { rows } = await this.query<{ name: string }>(
      'SELECT n AS name FROM unnest($1::text[]) AS n WHERE pg_try_advisory_lock(hashtextextended(n, 0))',
      [names],
    );
    return new Set(rows.map(({ name }) => name));
  }

  async unlock(names: readonly string[]): Promise<void> {
    await this.query('SELECT pg_advisory_unlock(hashtextextended(n, 0)) FROM unnest($1::text[]) AS n', [
      names,
    ]);
  }

  /** Says that this session is one of those; ends with it. */
  async lockShared(name: string): Promise<void> {
    await this.query('SELECT pg_advisory_lock_shared(hashtextextended($1, 0))', [name]);
  }

  /** pg takes one query at a time. */
  private inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(work, work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  async close(): Promise<void> {
    this.#lost.abort();
    await settledWithin(this.client.end(), endWaitMs);
  }
}

/** What a fault of Postgres means for the transport: away for now, or not as it must be. */
export function transportFault(fault: unknown): TransportUnavailableError | TransportMisconfiguredError {
  const detail = fault instanceof Error && fault.message !== '' ? fault.message : String(fault);
  return fault instanceof pg.DatabaseError && !isRetryable(fault)
    ? new TransportMisconfiguredError(`The event log in Postgres is not usable: ${detail}`, { cause: fault })
    : new TransportUnavailableError(detail, { cause: fault });
}
