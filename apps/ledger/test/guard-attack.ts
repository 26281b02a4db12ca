import { expect } from '@jest/globals';
import pg from 'pg';

/** Something that the service's own role tries, the refusal that it must get, and what must be gone for it to succeed. */
export type Attack = {
  readonly name: string;
  /** One after the other; only the last is refused. */
  readonly statements: readonly string[];
  readonly refusal: { readonly code: string; readonly constraint?: string };
  readonly removal: string;
};

/** The service and a superuser, side by side on one database. */
export class GuardedBooks {
  private constructor(
    readonly service: pg.Client,
    readonly superuser: pg.Client,
  ) {}

  static async connect(serviceUrl: string, adminUrl: string): Promise<GuardedBooks> {
    const service = new pg.Client({ connectionString: serviceUrl });
    const superuser = new pg.Client({ connectionString: adminUrl });
    await Promise.all([service.connect(), superuser.connect()]);
    return new GuardedBooks(service, superuser);
  }

  async close(): Promise<void> {
    await Promise.all([this.service.end(), this.superuser.end()]);
  }

  /** As the service; nothing of it stays. Checks that wait for the end are made. */
  async isRefused({ statements, refusal }: Pick<Attack, 'statements' | 'refusal'>): Promise<void> {
    await this.service.query('BEGIN');
    try {
      for (const statement of statements.slice(0, -1)) await this.service.query(statement);
      const last = this.service
        .query(statements.at(-1) ?? '')
        .then(() => this.service.query('SET CONSTRAINTS ALL IMMEDIATE'));
      await expect(last).rejects.toMatchObject(refusal);
    } finally {
      await this.service.query('ROLLBACK');
    }
  }

  /** As the service, inside a transaction of the superuser in which the guard is gone; nothing of it stays. */
  async without(removal: string, statements: readonly string[]): Promise<void> {
    await this.superuser.query('BEGIN');
    try {
      await this.superuser.query(removal);
      await this.superuser.query('SET LOCAL ROLE quittance_ledger');
      for (const statement of statements) await this.superuser.query(statement);
      await this.superuser.query('SET CONSTRAINTS ALL IMMEDIATE');
    } finally {
      await this.superuser.query('ROLLBACK');
    }
  }
}
