import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import pg from 'pg';

import { EmbeddedStartError } from './embedded-start.error.js';
import { freePort } from './free-port.js';
import {
  type EmbeddedPostgresOptions,
  launch,
  logLength,
  logTail,
  openCluster,
  type PostgresCluster,
  rememberPort,
  superuser,
} from './postgres-cluster.js';
import { endProcess, runningPid } from './running-process.js';
import { startWatchdog, type Watchdog } from './watchdog.js';

/** The name of a socket fits into 107 bytes, `.s.PGSQL.65535` included. */
const socketFolderLengthMax = 90;
const startTimeoutMs = 30_000;
const readyPollMs = 25;
const startTries = 10;
const retryDelayMs = 500;
const fastStopMs = 8_000;
const immediateStopMs = 4_000;
const connectTimeoutMs = 5_000;

/** A Postgres 18 of our own on 127.0.0.1: UTF-8, C locale. It dies with this process, however that dies. */
export class EmbeddedPostgres {
  private constructor(
    private readonly cluster: PostgresCluster,
    private readonly watchdog: Watchdog | undefined,
  ) {}

  /** Starts a server, making its data folder if there is none, ending one left on it by a killed run. Throws EmbeddedStartError. */
  static async start(options: EmbeddedPostgresOptions = {}): Promise<EmbeddedPostgres> {
    const cluster = await openCluster(options);
    const watchdog = startWatchdog(cleanUpScript, [
      cluster.dataFolder,
      cluster.persistent ? '' : cluster.folder,
    ]);
    const server = new EmbeddedPostgres(cluster, watchdog);
    try {
      await endPostmaster(cluster, 'fast');
      await startPostmaster(cluster);
    } catch (fault) {
      await server.stop();
      throw fault;
    }
    return server;
  }

  /** The server that this process already runs on the folder, or a new one. */
  static async attachOrStart(
    options: EmbeddedPostgresOptions & { readonly directory: string },
  ): Promise<EmbeddedPostgres> {
    const dataFolder = join(options.directory, 'data');
    if (postmasterPid({ dataFolder }) === undefined) return EmbeddedPostgres.start(options);
    return new EmbeddedPostgres(await openCluster(options), undefined);
  }

  get port(): number {
    return this.cluster.port;
  }

  /** Id of the postmaster; 0 while the server is stopped. */
  get pid(): number {
    return postmasterPid(this.cluster) ?? 0;
  }

  /** Superuser connection to the maintenance database `postgres`. */
  get adminUrl(): string {
    return this.urlOf('postgres');
  }

  /** Superuser connection to a database of this server. */
  urlOf(database: string): string {
    return urlOf(this.cluster, database);
  }

  /** Makes the database unless it exists, and says how to reach it as superuser. */
  async database(name: string): Promise<string> {
    await withClient(this.adminUrl, async (client) => {
      const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
      if (rowCount === 0) await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
    });
    return this.urlOf(name);
  }

  /** Starts the server again after `stopServer`, on the same port. Does nothing when it runs. */
  async startServer(): Promise<void> {
    if (this.pid === 0) await startPostmaster({ ...this.cluster, portIsFixed: true });
  }

  /** Ends the server and keeps its data; connections are cut. `immediate` is a crash: the next start recovers. */
  async stopServer(mode: 'fast' | 'immediate' = 'fast'): Promise<void> {
    await endPostmaster(this.cluster, mode);
  }

  /** Ends the server for good; temporary data is removed. */
  async stop(): Promise<void> {
    await this.stopServer(this.cluster.persistent ? 'fast' : 'immediate');
    this.watchdog?.dismiss();
    if (!this.cluster.persistent) rmSync(this.cluster.folder, { recursive: true, force: true });
  }
}

/** See {@link EmbeddedPostgres.start}. */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions = {},
): Promise<EmbeddedPostgres> {
  return EmbeddedPostgres.start(options);
}

// $1 the data folder, $2 what to remove afterwards (empty: nothing). The lock is read when it is needed: by then
// the server may have been restarted.
const cleanUpScript = `
pid=$(head -n 1 "$1/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ]; then
  if [ -n "$2" ]; then kill -QUIT "$pid"; else kill -INT "$pid"; fi
  i=0
  while kill -0 "$pid" 2>/dev/null && [ $i -lt 80 ]; do sleep 0.1; i=$((i+1)); done
  kill -0 "$pid" 2>/dev/null && kill -KILL "$pid"
fi
[ -n "$2" ] && rm -rf "$2"
exit 0`;

async function startPostmaster(cluster: PostgresCluster): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    // No postmaster runs on this folder now, so a lock on it is one that a crash left.
    rmSync(join(cluster.dataFolder, 'postmaster.pid'), { force: true });
    const started = await tryPostmaster(cluster);
    if (started.ok) break;
    const portTaken = started.log.includes('Address already in use');
    // Backends of a killed postmaster notice its end a moment later; until then the new one may not start.
    const passes =
      started.log.includes('pre-existing shared memory block') || (portTaken && !cluster.portIsFixed);
    if (!passes || tries === startTries) {
      throw new EmbeddedStartError('postgres', portTaken ? `port ${cluster.port} is taken` : started.log);
    }
    if (portTaken) cluster.port = await freePort();
    else await sleep(retryDelayMs);
  }
  rememberPort(cluster);
}

async function tryPostmaster(cluster: PostgresCluster): Promise<{ ok: true } | { ok: false; log: string }> {
  const logStart = logLength(cluster.logFile);
  const child = launch(cluster, 'postgres', ['-D', cluster.dataFolder, ...serverSettings(cluster)]);
  let ended = false;
  for (const event of ['exit', 'error']) {
    child.once(event, () => {
      ended = true;
    });
  }
  const deadline = Date.now() + startTimeoutMs;
  while (!ended && Date.now() < deadline) {
    // The answer must come from this server, not from another one that holds the port.
    if (postmasterPid(cluster) !== undefined && (await answers(urlOf(cluster, 'postgres'))))
      return { ok: true };
    await sleep(readyPollMs);
  }
  if (!ended) child.kill('SIGKILL');
  const log = logTail(cluster.logFile, logStart);
  return { ok: false, log: ended ? log : `no answer within ${startTimeoutMs} ms\n${log}` };
}

function serverSettings(cluster: PostgresCluster): string[] {
  const durable = cluster.persistent ? 'on' : 'off';
  const settings = {
    listen_addresses: '127.0.0.1',
    port: cluster.port,
    unix_socket_directories: socketFolder(cluster) ?? '',
    max_connections: 200,
    shared_buffers: '128MB',
    max_wal_size: '1GB',
    wal_level: 'minimal',
    max_wal_senders: 0,
    fsync: durable,
    full_page_writes: durable,
    timezone: 'UTC',
    log_timezone: 'UTC',
    jit: 'off',
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

async function endPostmaster(cluster: PostgresCluster, mode: 'fast' | 'immediate'): Promise<void> {
  const pid = postmasterPid(cluster);
  if (pid === undefined) return;
  const immediate = { signal: 'SIGQUIT' as const, waitMs: immediateStopMs };
  await endProcess(
    pid,
    mode === 'fast' ? [{ signal: 'SIGINT', waitMs: fastStopMs }, immediate] : [immediate],
  );
}

function postmasterPid(cluster: Pick<PostgresCluster, 'dataFolder'>): number | undefined {
  return runningPid(join(cluster.dataFolder, 'postmaster.pid'), cluster.dataFolder);
}

function urlOf(cluster: PostgresCluster, database: string): string {
  const folder = socketFolder(cluster);
  const socket = folder === undefined ? '' : `?host=${encodeURIComponent(folder)}`;
  return `postgresql://${superuser}:${encodeURIComponent(cluster.password)}@127.0.0.1:${cluster.port}/${database}${socket}`;
}

/**
 * Where the server's socket is, if the system has such and the path is not too long for it. A statement over a socket
 * costs a fraction of the processor's time that one over TCP does, on both sides.
 */
function socketFolder({ dataFolder }: PostgresCluster): string | undefined {
  return process.platform === 'win32' || dataFolder.length > socketFolderLengthMax ? undefined : dataFolder;
}

async function answers(url: string): Promise<boolean> {
  try {
    await withClient(url, async (client) => client.query('SELECT 1'));
    return true;
  } catch {
    return false;
  }
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: connectTimeoutMs });
  client.on('error', () => {
    // The query that needed the connection reports it.
  });
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end();
  }
}
