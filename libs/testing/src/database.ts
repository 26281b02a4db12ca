import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';

import { migrate, setServicePasswords } from '@quittance/database';
import { EmbeddedPostgres } from '@quittance/embedded';
import pg from 'pg';

export type TestDatabase = {
  /** Superuser, on the fresh database. */
  readonly adminUrl: string;
  readonly serviceUrls: {
    readonly facilitator: string;
    readonly settlement: string;
    readonly ledger: string;
  };
  /** Drops the database. The server stays for the next test file of this process, and ends with the process. */
  stop(): Promise<void>;
  /** Takes the whole server down, as a crash does (`immediate`) or orderly; `startServer` brings it back, same port. */
  stopServer(mode?: 'fast' | 'immediate'): Promise<void>;
  startServer(): Promise<void>;
};

// Roles belong to the whole server: one password for all of its databases, or parallel tests would lock each other out.
const servicePassword = 'quittance-test';
// Serializes what touches roles; held on the maintenance database, as advisory locks do not reach across databases.
const setupLock = 4_020_001;

/**
 * A fresh, migrated database for one test. The embedded server behind it is shared by all test files of this
 * process and ends with it, even when the process is killed.
 */
export async function startTestDatabase(): Promise<TestDatabase> {
  const server = await sharedServer();
  const name = `test_${randomBytes(6).toString('hex')}`;
  await onServer(server, async (client) => {
    await client.query('SELECT pg_advisory_lock($1)', [setupLock]);
    const adminUrl = await server.database(name);
    await migrate({ adminUrl });
    await setServicePasswords({
      adminUrl,
      passwords: { facilitator: servicePassword, settlement: servicePassword, ledger: servicePassword },
    });
  });
  return {
    adminUrl: server.urlOf(name),
    serviceUrls: {
      facilitator: serviceUrl(server, 'facilitator', name),
      settlement: serviceUrl(server, 'settlement', name),
      ledger: serviceUrl(server, 'ledger', name),
    },
    stop: async () =>
      onServer(
        server,
        async (client) => void (await client.query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`)),
      ),
    stopServer: async (mode) => server.stopServer(mode),
    startServer: async () => server.startServer(),
  };
}

export type DurableDatabase = TestDatabase & {
  /** Of the postmaster; 0 while it is down. */
  readonly pid: () => number;
};

/**
 * A migrated database on a server of its own that flushes every commit to disk, as a real one does: for loads, and for
 * kills of the server.
 */
export async function startDurableDatabase(): Promise<DurableDatabase> {
  const directory = mkdtempSync(join(tmpdir(), 'quittance-durable-'));
  // Postgres may run as another user, who has to get in.
  chmodSync(directory, 0o755);
  const own = await EmbeddedPostgres.start({ directory, persistent: true });
  const name = 'quittance';
  const adminUrl = await own.database(name);
  await migrate({ adminUrl });
  await setServicePasswords({
    adminUrl,
    passwords: { facilitator: servicePassword, settlement: servicePassword, ledger: servicePassword },
  });
  return {
    adminUrl,
    serviceUrls: {
      facilitator: serviceUrl(own, 'facilitator', name),
      settlement: serviceUrl(own, 'settlement', name),
      ledger: serviceUrl(own, 'ledger', name),
    },
    pid: () => own.pid,
    stop: async () => {
      await own.stop();
      rmSync(directory, { recursive: true, force: true });
    },
    stopServer: async (mode) => own.stopServer(mode),
    startServer: async () => own.startServer(),
  };
}

let server: Promise<EmbeddedPostgres> | undefined;

// Jest gives every test file its own modules but not its own process, so the folder, named by the process, is what
// the files of one worker share: `attach` finds the server that an earlier file started.
async function sharedServer(): Promise<EmbeddedPostgres> {
  server ??= EmbeddedPostgres.attachOrStart({
    directory: join(tmpdir(), `quittance-test-postgres-${process.pid}-${Math.trunc(performance.timeOrigin)}`),
    persistent: false,
  });
  return server;
}

async function onServer(
  postgres: EmbeddedPostgres,
  work: (client: pg.Client) => Promise<void>,
): Promise<void> {
  const client = new pg.Client({ connectionString: postgres.adminUrl, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

function serviceUrl(postgres: EmbeddedPostgres, service: string, database: string): string {
  const url = new URL(postgres.urlOf(database));
  url.username = `quittance_${service}`;
  url.password = servicePassword;
  return url.href;
}
