import pg from 'pg';

import type { Sql } from '../src/index.js';

/** SQL as one of the roles, on its own or in transactions, as a service has it. */
export class ServiceSql {
  readonly #pool: pg.Pool;

  constructor(url: string, settings: Readonly<Record<string, string>> = {}) {
    const options = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
    this.#pool = new pg.Pool({ connectionString: url, max: 24, options: options.join(' ') });
    // Tests take servers and connections away; a query that needs one says so itself.
    this.#pool.on('error', () => undefined);
  }

  readonly sql: Sql = async <Row>(text: string, values: readonly unknown[] = []) =>
    (await this.#pool.query(text, [...values])).rows as Row[];

  async transaction<Result>(work: (sql: Sql) => Promise<Result>): Promise<Result> {
    const client = await this.#pool.connect();
    const sql: Sql = async <Row>(text: string, values: readonly unknown[] = []) =>
      (await client.query(text, [...values])).rows as Row[];
    try {
      await client.query('BEGIN');
      const result = await work(sql);
      await client.query('COMMIT');
      return result;
    } catch (fault) {
      await client.query('ROLLBACK');
      throw fault;
    } finally {
      client.release();
    }
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }
}
