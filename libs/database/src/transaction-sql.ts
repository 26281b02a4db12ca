import { performance } from 'node:perf_hooks';

import { DatabaseUnavailableError, TransactionClosedError } from './database-error.js';
import { databaseErrorOf } from './error-mapping.js';
import { type Sql, sqlOn } from './sql.js';
import type { TransactionSlot } from './transaction-pool.js';

/**
 * The plain SQL of one transaction. It refuses what it is asked too late: a statement that Prisma's ROLLBACK or COMMIT
 * overtakes on the connection would be committed on its own.
 */
export class TransactionSql {
  readonly sql: Sql;
  #failure: { readonly error: unknown } | undefined;
  #deadlineAt = Number.POSITIVE_INFINITY;
  #isOver = false;

  constructor(
    private readonly slot: TransactionSlot,
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
      if (databaseErrorOf(error) instanceof DatabaseUnavailableError) this.slot.discard = true;
      throw error;
    } finally {
      this.#isOver = true;
    }
  }

  private connection(): NonNullable<TransactionSlot['client']> {
    if (this.#isOver)
      throw new TransactionClosedError('The transaction is over: await all of its statements.');
    if (performance.now() >= this.#deadlineAt)
      throw new DatabaseUnavailableError(`the transaction took longer than ${this.timeoutMs} ms`);
    if (this.slot.client === null)
      throw new DatabaseUnavailableError('the transaction was closed before its work was done');
    return this.slot.client;
  }
}
