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

export type AttackMaker = (name: string, ...statements: readonly string[]) => Attack;

export type TriggerGuard = {
  readonly table: string;
  readonly trigger: string;
  /** As the refusal names it. */
  readonly constraint: string;
  readonly code?: string;
};

export const byTrigger =
  ({ table, trigger, constraint, code = '23514' }: TriggerGuard): AttackMaker =>
  (name, ...statements) => ({
    name,
    statements,
    refusal: { code, constraint },
    removal: `DROP TRIGGER ${trigger} ON ledger.${table}`,
  });

export const byCheck =
  (table: string, constraint: string): AttackMaker =>
  (name, ...statements) => ({
    name,
    statements,
    refusal: { code: '23514', constraint },
    removal: `ALTER TABLE ledger.${table} DROP CONSTRAINT ${constraint}`,
  });

/** A unique index by itself, or one that is a constraint of a table. */
export const byKey =
  (key: string, table?: string): AttackMaker =>
  (name, ...statements) => ({
    name,
    statements,
    refusal: { code: '23505', constraint: key },
    removal:
      table === undefined ? `DROP INDEX ledger.${key}` : `ALTER TABLE ledger.${table} DROP CONSTRAINT ${key}`,
  });

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

  /**
   * As the service, inside a transaction of the superuser in which the guard is gone; nothing of it stays. Checks that wait
   * for the end are made, unless what is written is but a part.
   */
  async without(
    removal: string,
    statements: readonly string[],
    { isPart = false }: { readonly isPart?: boolean } = {},
  ): Promise<void> {
    await this.superuser.query('BEGIN');
    try {
      await this.superuser.query(removal);
      await this.superuser.query('SET LOCAL ROLE quittance_ledger');
      for (const statement of statements) await this.superuser.query(statement);
      if (!isPart) await this.superuser.query('SET CONSTRAINTS ALL IMMEDIATE');
    } finally {
      await this.superuser.query('ROLLBACK');
    }
  }
}
