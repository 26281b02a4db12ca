import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import pg from 'pg';

import { databaseErrorOf } from './error-mapping.js';

export type MigrateOptions = {
  /** A role that may create schemas and roles; it will own every table. */
  readonly adminUrl: string;
  /** Default: the repository's prisma/migrations. */
  readonly directory?: URL | string;
  /** Told the name of each migration once it is in. */
  readonly onStep?: (name: string) => void;
};

/** A migration cannot be applied, or one that was applied is no longer the same file. `migration` names it. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';

  constructor(
    readonly code: 'migration_changed' | 'migration_failed' | 'migration_unfinished',
    readonly migration: string,
    detail: string,
    cause?: unknown,
  ) {
    super(`Migration ${migration}: ${detail}`, { cause });
  }
}

type Migration = { readonly name: string; readonly script: string; readonly checksum: string };
type AppliedRow = { migration_name: string; checksum: string; finished: boolean };

/** The same from src/ and from dist/. */
const directoryDefault = new URL('../../../prisma/migrations/', import.meta.url);
/** The lock that `prisma migrate` takes, so that it and we exclude each other. */
const prismaLockKey = 72_707_369;
const lockTimeoutMs = 60_000;
const connectTimeoutMs = 10_000;

/**
 * Applies what is new in prisma/migrations, each script whole and in one transaction, and gives the names applied.
 * Keeps Prisma's own table, so that `prisma migrate deploy` may take over at any time.
 *
 * @throws MigrationError; DatabaseUnavailableError.
 */
export async function migrate(options: MigrateOptions): Promise<string[]> {
  const migrations = await readMigrations(options.directory ?? directoryDefault);
  const client = new pg.Client({
    connectionString: options.adminUrl,
    application_name: 'quittance-migrate',
    connectionTimeoutMillis: connectTimeoutMs,
  });
  // The statement that was running reports the loss; without a listener the event would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(`SET lock_timeout = ${lockTimeoutMs}`);
    await client.query('SELECT pg_advisory_lock($1)', [prismaLockKey]);
    const applied = await appliedMigrations(client);
    const names: string[] = [];
    for (const migration of migrations.filter((candidate) => isNew(candidate, applied))) {
      await apply(client, migration);
      names.push(migration.name);
      options.onStep?.(migration.name);
    }
    return names;
  } catch (error) {
    throw error instanceof MigrationError ? error : databaseErrorOf(error);
  } finally {
    await client.end();
  }
}

async function readMigrations(directory: URL | string): Promise<Migration[]> {
  const root = directory instanceof URL ? fileURLToPath(directory) : directory;
  const entries = await readdir(root, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const script = await readFile(join(root, name, 'migration.sql'), 'utf8');
      return { name, script, checksum: createHash('sha256').update(script).digest('hex') };
    }),
  );
}

async function appliedMigrations(client: pg.Client): Promise<Map<string, AppliedRow>> {
  await client.query(prismaTable);
  const { rows } = await client.query<AppliedRow>(
    `SELECT migration_name, checksum, finished_at IS NOT NULL AS finished
     FROM public._prisma_migrations WHERE rolled_back_at IS NULL`,
  );
  return new Map(rows.map((row) => [row.migration_name, row]));
}

function isNew(migration: Migration, applied: ReadonlyMap<string, AppliedRow>): boolean {
  const row = applied.get(migration.name);
  if (row === undefined) return true;
  if (!row.finished) {
    const detail =
      'an earlier run of prisma migrate left it unfinished; see to it with "prisma migrate resolve".';
    throw new MigrationError('migration_unfinished', migration.name, detail);
  }
  if (row.checksum !== migration.checksum) {
    const detail =
      'its migration.sql changed after it was applied. Restore the file and put the change in a new migration.';
    throw new MigrationError('migration_changed', migration.name, detail);
  }
  return false;
}

/** The script goes to Postgres as one query: splitting it at semicolons would break function bodies. */
async function apply(client: pg.Client, migration: Migration): Promise<void> {
  const startedAt = new Date();
  try {
    await client.query('BEGIN');
    await client.query(migration.script);
    await client.query(
      `INSERT INTO public._prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
       VALUES ($1, $2, $3, $4, clock_timestamp(), 1)`,
      [randomUUID(), migration.checksum, migration.name, startedAt],
    );
    await client.query('COMMIT');
  } catch (error) {
    const mapped = databaseErrorOf(error);
    // A lost connection rolls back by itself, and then this fails too.
    await client.query('ROLLBACK').catch(() => undefined);
    const detail = error instanceof Error && error.message !== '' ? error.message : String(mapped);
    throw new MigrationError(
      'migration_failed',
      migration.name,
      `nothing of it was applied. ${detail}`,
      mapped,
    );
  }
}

const prismaTable = `
  CREATE TABLE IF NOT EXISTS public._prisma_migrations (
    id                  varchar(36) PRIMARY KEY NOT NULL,
    checksum            varchar(64) NOT NULL,
    finished_at         timestamptz,
    migration_name      varchar(255) NOT NULL,
    logs                text,
    rolled_back_at      timestamptz,
    started_at          timestamptz NOT NULL DEFAULT now(),
    applied_steps_count integer NOT NULL DEFAULT 0
  )`;
