import { performance } from 'node:perf_hooks';

import type pg from 'pg';

import { DatabaseUnavailableError, TransactionClosedError } from './database-error.js';
import { databaseErrorOf } from './error-mapping.js';
import { type Sql, sqlOn } from './sql.js';

/** What node-postgres has and its types lack: I when no transaction is open on the connection. */
type TransactionStatus = { readonly getTransactionStatus: () => 'I' | 'T' | 'E' | null };

/**
 * The plain SQL of one transaction, on the connection that it has to itself. It refuses what it is asked too late: a
 * statement behind the COMMIT would be committed on its own.
 */
export class TransactionSql {
  readonly sql: Sql;
  #failure: { readonly error: unknown } | undefined;
  #deadlineAt = Number.POSITIVE_INFINITY;
  #isOver = false;
  #isDoubtful = false;

  constructor(
    private readonly client: pg.PoolClient,
    private readonly timeoutMs: number,
  ) {
    const onConnection = sqlOn(() => this.connection());
    this.sql = async (text, values) => {
      try {
        return await onConnection(text, values);
      } catch (error) {
        this.#failure ??= { error };
        throw error;
      }
    };
  }

  /**
   * Does the work, which has this long from now; fails if any statement did, because Postgres would answer the COMMIT
   * of a failed transaction with a silent rollback.
   */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#deadlineAt = performance.now() + this.timeoutMs;
    try {
      const result = await work();
      if (this.#failure !== undefined) throw this.#failure.error;
      return result;
    } catch (error) {
      // Unanswered, demoted, or with plans from before a migration: the next transaction deserves a new connection.
      if (databaseErrorOf(error) instanceof DatabaseUnavailableError) this.#isDoubtful = true;
      throw error;
    } finally {
      this.#isOver = true;
    }
  }

  /** Ends it without a COMMIT: rolled back, or cut off where that may not get through. */
  async undo(error: unknown): Promise<void> {
    this.#isOver = true;
    if (databaseErrorOf(error) instanceof DatabaseUnavailableError) this.#isDoubtful = true;
    if (this.#isDoubtful || !this.isOpen()) return;
    try {
      await this.client.query('ROLLBACK');
    } catch {
      // The connection is not kept then, and the server rolls back when it ends.
      this.#isDoubtful = true;
    }
  }

  /**
   * Gives the connection back. What gets it next would run inside this transaction, were it given back open: an
   * unanswered statement keeps a ROLLBACK from getting through.
   */
  release(): void {
    this.client.release(this.#isDoubtful || this.isOpen());
  }

  private isOpen(): boolean {
    return (this.client as pg.PoolClient & TransactionStatus).getTransactionStatus() !== 'I';
  }

  private connection(): pg.PoolClient {
    if (this.#isOver)
      throw new TransactionClosedError('The transaction is over: await all of its statements.');
    if (performance.now() >= this.#deadlineAt)
      throw new DatabaseUnavailableError(`the transaction took longer than ${this.timeoutMs} ms`);
    return this.client;
  }
}
