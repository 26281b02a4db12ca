/**
 * The database cannot do it right now: down, restarting, unreachable, full, too slow, read-only, or without the rights
 * or tables it should have. Trying again later helps, once somebody has seen to it where need be.
 */
export class DatabaseUnavailableError extends Error {
  override readonly name = 'DatabaseUnavailableError';
  readonly code = 'database_unavailable';
  readonly retryable = true;

  constructor(detail: string, cause?: unknown) {
    super(`The database cannot do this now: ${detail}`, { cause });
  }
}

/** A guard of the database refused the change. `constraint` is its name, '' where Postgres gives none. */
export class DatabaseConstraintError extends Error {
  override readonly name = 'DatabaseConstraintError';
  readonly code = 'database_constraint';
  readonly retryable = false;

  constructor(
    readonly constraint: string,
    readonly sqlState: string,
    detail: string,
    cause?: unknown,
  ) {
    super(`The database refused a change (${constraint === '' ? sqlState : constraint}): ${detail}`, {
      cause,
    });
  }
}

/** Two transactions stood in each other's way, and again after the bounded number of tries. */
export class DatabaseConflictError extends Error {
  override readonly name = 'DatabaseConflictError';
  readonly code = 'database_conflict';
  readonly retryable = true;

  constructor(
    readonly sqlState: string,
    detail: string,
    cause?: unknown,
  ) {
    super(`A transaction was rolled back in favour of another: ${detail}`, { cause });
  }
}

/** Tables that a service needs are not there: the database was not migrated, or the URL names another one. */
export class DatabaseSchemaMissingError extends Error {
  override readonly name = 'DatabaseSchemaMissingError';
  readonly code = 'database_schema_missing';
  readonly retryable = false;

  constructor(readonly tables: readonly string[]) {
    super(
      `The database lacks ${tables.join(', ')}. Run the migrations first (libs/database/dist/migrate.cli.js with DATABASE_ADMIN_URL), or point DATABASE_URL at the migrated database.`,
    );
  }
}

/** A transaction was used after its end, or went on after one of its statements had failed. A programmer's error. */
export class TransactionClosedError extends Error {
  override readonly name = 'TransactionClosedError';
  readonly code = 'transaction_closed';
  readonly retryable = false;
}
