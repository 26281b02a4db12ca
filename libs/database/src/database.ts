import { setTimeout as sleep } from 'node:timers/promises';

import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';

import {
  DatabaseConflictError,
  DatabaseSchemaMissingError,
  DatabaseUnavailableError,
} from './database-error.js';
import { databaseErrorOf } from './error-mapping.js';
import { PrismaClient } from './generated/client.js';
import { type Sql, sqlOn } from './sql.js';
import { TransactionSql } from './transaction-sql.js';

export type DatabaseOptions = {
  readonly url: string;
  /** Connections kept at most; default 10. */
  readonly poolSize?: number;
  /** What one statement may take, on the server; default 10 s. */
  readonly statementTimeoutMs?: number;
  /** After this long a transaction takes no further statement through its `sql`; default 30 s. */
  readonly transactionTimeoutMs?: number;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  /**
   * For work that looks everything up by a key: a plan that was made while a table was empty must not stay a scan of
   * it when it is not. Statements without an index to use still scan. One plan then serves all values, and is made once.
   */
  readonly planByIndex?: boolean;
  /** Further settings of each connection, by name; values without blanks. */
  readonly sessionSettings?: Readonly<Record<string, string>>;
};

/**
 * One transaction: what is asked through its `sql` is committed together, or not at all. Statements that do not need each
 * other's results need not be awaited one by one: they go out together, and run in the order of asking.
 */
export type Transaction = {
  readonly sql: Sql;
  /**
   * The end of the transaction: sends the COMMIT right behind the statements of `last`, which have been asked for and are
   * not answered yet, and gives what they give once it is through. Where one of them fails, or `last` does by itself,
   * nothing is committed. `last` must not wait for one of them to ask for the next.
   */
  readonly commit: <Result>(last: Promise<Result>) => Promise<Result>;
};

const poolSizeDefault = 10;
const statementTimeoutDefaultMs = 10_000;
const connectTimeoutMs = 5_000;
/** The client gives up a little after the server should have: only a server that is gone or hangs gets this far. */
const replyGraceMs = 2_000;
/** What the work may still do after its last statement before its connection is taken away. */
const closeGraceMs = 2_000;
const idleConnectionMs = 30_000;
const transactionTimeoutDefaultMs = 30_000;
const pingTimeoutMs = 2_000;
const conflictRetriesMax = 5;
const conflictPauseMs = 10;

/** The only way to Postgres: a pool, the Prisma client on it, and transactions. Connects when first used. */
export class Database {
  /** Throws what `sql` throws for faults and constraints; other errors are Prisma's own. */
  readonly prisma: PrismaClient;
  readonly sql: Sql;

  private constructor(
    private readonly pool: pg.Pool,
    private readonly limits: { readonly statementTimeoutMs: number; readonly transactionTimeoutMs: number },
  ) {
    // Connections that die while idle are replaced on next use; without a listener they would end the process.
    pool.on('error', () => undefined);
    this.prisma = withMappedErrors(new PrismaClient({ adapter: new PrismaPg(pool) }));
    this.sql = sqlOn(pool);
  }

  static connect(options: DatabaseOptions): Database {
    const statementTimeoutMs = options.statementTimeoutMs ?? statementTimeoutDefaultMs;
    const transactionTimeoutMs = options.transactionTimeoutMs ?? transactionTimeoutDefaultMs;
    // Statements asked for together go out together: node-postgres can, and its types do not say so yet.
    const pipelined: pg.PoolConfig & { readonly pipeline: true } = {
      pipeline: true,
      connectionString: options.url,
      application_name: options.applicationName,
      max: options.poolSize ?? poolSizeDefault,
      connectionTimeoutMillis: connectTimeoutMs,
      idleTimeoutMillis: idleConnectionMs,
      statement_timeout: statementTimeoutMs,
      query_timeout: statementTimeoutMs + replyGraceMs,
      idle_in_transaction_session_timeout: transactionTimeoutMs,
      keepAlive: true,
      options: startupOptions(options),
    };
    return new Database(new pg.Pool(pipelined), { statementTimeoutMs, transactionTimeoutMs });
  }

  /**
   * Does `work` in one READ COMMITTED transaction; rolls back when it throws. A deadlock or serialization failure runs
   * `work` again, a bounded number of times, so it must have no effect outside the transaction. A statement asked for
   * after the transaction's time-out is refused, and the transaction is rolled back.
   *
   * @throws DatabaseUnavailableError, DatabaseConstraintError, DatabaseConflictError, or what `work` throws.
   */
  async transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.transactionOnce(work);
      } catch (error) {
        const mapped = databaseErrorOf(error);
        if (!(mapped instanceof DatabaseConflictError) || attempt > conflictRetriesMax) throw mapped;
        // Uneven pauses: two that collided must not meet again.
        await sleep(conflictPauseMs * attempt * (0.5 + Math.random()));
      }
    }
  }

  /**
   * Asks the database, with a time-out of its own.
   *
   * @throws DatabaseUnavailableError.
   */
  async ping(): Promise<void> {
    const late = new AbortController();
    const timeout = sleep(pingTimeoutMs, undefined, { signal: late.signal, ref: false }).then(() => {
      throw new DatabaseUnavailableError(`no answer within ${pingTimeoutMs} ms`);
    });
    const asked = this.sql('SELECT 1');
    try {
      await Promise.race([asked, timeout]);
    } finally {
      late.abort();
      // Whichever lost the race may still fail; it was answered for already.
      asked.catch(() => undefined);
      timeout.catch(() => undefined);
    }
  }

  /**
   * Checks that tables (`schema.table`) are there for this role: services call it at start, they never migrate.
   *
   * @throws DatabaseSchemaMissingError naming those that are not; DatabaseUnavailableError.
   */
  async requireTables(tables: readonly string[]): Promise<void> {
    const missing = await this.sql<{ name: string }>(
      'SELECT name FROM unnest($1::text[]) AS name WHERE to_regclass(name) IS NULL',
      [tables],
    );
    if (missing.length > 0) throw new DatabaseSchemaMissingError(missing.map(({ name }) => name));
  }

  async close(): Promise<void> {
    await this.prisma.$disconnect();
    if (!this.pool.ending) await this.pool.end();
  }

  /** Without Prisma's own transactions, which cost as much again as the statements within. */
  private async transactionOnce<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    const client = await this.pool.connect();
    // Whatever statement was under way reports it; without a listener it would end the process.
    const onLost = (): void => undefined;
    client.on('error', onLost);
    const { transactionTimeoutMs, statementTimeoutMs } = this.limits;
    const statements = new TransactionSql(client, transactionTimeoutMs);
    const patience = new AbortController();
    try {
      const patienceMs = transactionTimeoutMs + statementTimeoutMs + replyGraceMs + closeGraceMs;
      const late = giveUpAfter(patienceMs, patience.signal);
      // Aborted, it has nothing to tell.
      late.catch(() => undefined);
      return await Promise.race([statements.during(work), late]);
    } catch (error) {
      await statements.undo(error);
      throw error;
    } finally {
      patience.abort();
      client.removeListener('error', onLost);
      statements.release();
    }
  }
}

/** Work that never ends must not keep its connection. */
async function giveUpAfter(patienceMs: number, signal: AbortSignal): Promise<never> {
  await sleep(patienceMs, undefined, { signal, ref: false });
  throw new DatabaseUnavailableError(`the work of a transaction did not end within ${patienceMs} ms`);
}

/** Left to itself the server plans anew for each set of values that is smaller than the ten it assumes: nearly all of ours. */
const oneWayToAKey = { enable_seqscan: 'off', plan_cache_mode: 'force_generic_plan' };

function startupOptions({ planByIndex, sessionSettings = {} }: DatabaseOptions): string {
  const settings = { ...(planByIndex === true ? oneWayToAKey : {}), ...sessionSettings };
  return Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(' ');
}

/** Prisma's own errors in our terms, inside and outside of transactions. */
function withMappedErrors(prisma: PrismaClient): PrismaClient {
  const extended = prisma.$extends({
    query: {
      $allOperations: async ({ args, query }) => {
        try {
          return await query(args);
        } catch (error) {
          throw databaseErrorOf(error);
        }
      },
    },
  });
  // An extension of queries adds nothing to the client and takes nothing away: only its type is another.
  return extended as unknown as PrismaClient;
}
