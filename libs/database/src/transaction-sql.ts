import { performance } from 'node:perf_hooks';

import type pg from 'pg';

import { BeginQuery } from './begin-query.js';
import type { Transaction } from './database.js';
import { DatabaseUnavailableError, TransactionClosedError } from './database-error.js';
import { databaseErrorOf } from './error-mapping.js';
import { prepared, type Sql } from './sql.js';

/** What node-postgres has and its types lack: I when no transaction is open on the connection. */
type TransactionStatus = { readonly getTransactionStatus: () => 'I' | 'T' | 'E' | null };

/**
 * The plain SQL of one transaction, on the connection that it has to itself. The BEGIN goes out with the first
 * statement, and the COMMIT, if asked to, with the last. It refuses what it is asked too late: a statement behind the
 * COMMIT would be committed on its own.
 */
export class TransactionSql {
  #failure: { readonly error: unknown } | undefined;
  #deadlineAt = Number.POSITIVE_INFINITY;
  #isBegun = false;
  #isOver = false;
  #isDoubtful = false;
  #commit: Promise<void> | undefined;
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(
    private readonly client: pg.PoolClient,
    private readonly timeoutMs: number,
  ) {}

  /**
   * Does the work, which has this long from now, and commits it; fails if any statement did, because Postgres would
   * answer the COMMIT of a failed transaction with a silent rollback.
   */
  async during<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result> {
    this.#deadlineAt = performance.now() + this.timeoutMs;
    try {
      const result = await work({ sql: this.#sql, commit: (last) => this.#commitBehind(last) });
      if (this.#failure !== undefined) throw this.#failure.error;
      this.#isOver = true;
      await this.#committed();
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
    if (this.#isDoubtful || !this.#isBegun) return;
    // Whether a transaction is still open is known only behind all that was sent: a failure is told before that is.
    await Promise.allSettled(this.#underWay);
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
    this.client.release(this.#isDoubtful || this.#underWay.size > 0 || this.#isOpen());
  }

  readonly #sql: Sql = async <Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> => {
    try {
      return await this.#ask<Row>(text, values);
    } catch (error) {
      const mapped = databaseErrorOf(error);
      // What is refused for coming after the end changes nothing about how it ended.
      if (!(mapped instanceof TransactionClosedError)) this.#failure ??= { error: mapped };
      throw mapped;
    }
  };

  async #ask<Row>(text: string, values: readonly unknown[]): Promise<Row[]> {
    this.#requireOpen();
    const statement = prepared(text, values);
    const asked = this.#isBegun ? this.client.query(statement) : begin(this.client, statement);
    this.#isBegun = true;
    const { rows } = await this.#noted(asked);
    return rows as Row[];
  }

  /** Resolves with `last` when the COMMIT that goes out behind it is through; none does where `last` has failed already. */
  async #commitBehind<Result>(last: Promise<Result>): Promise<Result> {
    let failure: { readonly error: unknown } | undefined = this.#isOver
      ? { error: closedError() }
      : undefined;
    this.#isOver = true;
    last.catch((error: unknown) => {
      failure ??= { error };
    });
    // What was refused, or thrown beside what was sent, the server never hears of: it would commit the rest.
    await allThatNeedsNoAnswer();
    failure ??= this.#failure;
    if (failure !== undefined) throw failure.error;
    const committed = this.#committed();
    // What failed is told by `last`; the COMMIT behind it then only says that nothing was committed.
    committed.catch(() => undefined);
    const result = await last;
    await committed;
    return result;
  }

  #committed(): Promise<void> {
    if (!this.#isBegun) return Promise.resolve();
    this.#commit ??= this.#noted(this.client.query('COMMIT')).then(({ command }) => {
      if (command !== 'COMMIT')
        throw this.#failure?.error ?? new TypeError(`the COMMIT was answered with ${command}`);
    });
    return this.#commit;
  }

  async #noted<Answer>(asked: Promise<Answer>): Promise<Answer> {
    this.#underWay.add(asked);
    try {
      return await asked;
    } finally {
      this.#underWay.delete(asked);
    }
  }

  #isOpen(): boolean {
    return (this.client as pg.PoolClient & TransactionStatus).getTransactionStatus() !== 'I';
  }

  #requireOpen(): void {
    if (this.#isOver) throw closedError();
    if (performance.now() >= this.#deadlineAt)
      throw new DatabaseUnavailableError(`the transaction took longer than ${this.timeoutMs} ms`);
  }
}

function closedError(): TransactionClosedError {
  return new TransactionClosedError('The transaction is over: await all of its statements.');
}

/** Until every promise that waits for nothing from outside has passed on how it ended. */
async function allThatNeedsNoAnswer(): Promise<void> {
  // Ticks that are set while promises are passed on come after all of those.
  await Promise.resolve();
  await new Promise<void>((resolve) => process.nextTick(resolve));
}

function begin(client: pg.PoolClient, statement: pg.QueryConfig): Promise<pg.QueryResult> {
  return new Promise((resolve, reject) => {
    client.query(
      new BeginQuery(statement, (error, result) => {
        if (error) reject(error);
        else resolve(result as unknown as pg.QueryResult);
      }),
    );
  });
}
