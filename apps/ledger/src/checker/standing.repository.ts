import { Injectable } from '@nestjs/common';
import { Database, type Sql } from '@quittance/database';

import type { Actor } from '../access/role.js';
import { ProblemError } from '../http/problem.error.js';
import { type Standing, standingChangesMax } from './standing.schema.js';

type StandingRow = { readonly read_only: boolean; readonly reason: string; readonly since: Date };
type ChangeRow = {
  readonly read_only: boolean;
  readonly reason: string;
  readonly actor: string;
  readonly check_id: string | null;
  readonly at: Date;
};

/** The books take no postings. Whoever waits may wait on: nothing is lost. */
export class BooksReadOnlyError extends Error {
  override readonly name = 'BooksReadOnlyError';
  readonly code = 'ledger_read_only';
  readonly retryable = true;

  constructor(reason: string) {
    super(`The books are read-only: ${reason}`);
  }
}

/** Whether the books may be posted to, and who said so. */
@Injectable()
export class StandingRepository {
  constructor(private readonly database: Database) {}

  /** @throws BooksReadOnlyError while nothing may be posted. */
  async ping(): Promise<void> {
    const { read_only: isReadOnly, reason } = await this.row(this.database.sql);
    if (isReadOnly) throw new BooksReadOnlyError(reason);
  }

  async isReadOnly(): Promise<boolean> {
    return (await this.row(this.database.sql)).read_only;
  }

  /** @throws ProblemError 503 while nothing may be posted. */
  async requireOpen(sql: Sql): Promise<void> {
    const { read_only: isReadOnly, reason } = await this.row(sql);
    if (!isReadOnly) return;
    throw new ProblemError({
      status: 503,
      code: 'ledger_read_only',
      title: 'The books are read-only',
      detail: `Nothing is posted until they are found right: ${reason}. GET /standing says since when.`,
    });
  }

  async read(sql: Sql = this.database.sql): Promise<Standing> {
    const { read_only: readOnly, reason, since } = await this.row(sql);
    const changes = await sql<ChangeRow>(
      `SELECT read_only, reason, actor, check_id, at FROM ledger.standing_change ORDER BY id DESC LIMIT ${standingChangesMax}`,
    );
    return {
      readOnly,
      reason,
      since: since.toISOString(),
      changes: changes.map((change) => ({
        readOnly: change.read_only,
        reason: change.reason,
        actor: change.actor,
        checkId: change.check_id,
        at: change.at.toISOString(),
      })),
    };
  }

  async suspend(
    sql: Sql,
    { reason, actor }: { readonly reason: string; readonly actor: Actor },
  ): Promise<Standing> {
    await sql('SELECT ledger.suspend($1, $2)', [reason, actor.name]);
    return this.read(sql);
  }

  /** @throws DatabaseConstraintError unless the check is of everything, later than what was found wrong, and green. */
  async resume(
    sql: Sql,
    change: { readonly reason: string; readonly actor: Actor; readonly checkId: string },
  ): Promise<Standing> {
    await sql(
      'INSERT INTO ledger.standing_change (read_only, reason, actor, check_id) VALUES (false, $1, $2, $3)',
      [change.reason, change.actor.name, change.checkId],
    );
    return this.read(sql);
  }

  private async row(sql: Sql): Promise<StandingRow> {
    const [row] = await sql<StandingRow>('SELECT read_only, reason, since FROM ledger.standing');
    // The database refuses postings without it, too.
    return row ?? { read_only: true, reason: 'their standing is not known', since: new Date(0) };
  }
}
