import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { EmbeddedStartError } from './embedded-start.error.js';
import { freePort } from './free-port.js';
import { type PostgresAccount, postgresAccount, postgresBinaries, commandAs } from './postgres-binaries.js';

const initTimeoutMs = 60_000;
const majorVersion = '18';
const logTailCharacters = 1_500;
export const superuser = 'postgres';

export type EmbeddedPostgresOptions = {
  /** Where the data lives; a temporary folder when left out. */
  readonly directory?: string;
  /** 0 or left out: a free one, kept over `stopServer`. */
  readonly port?: number;
  /** Left out: random, and remembered beside the data. */
  readonly password?: string;
  /** Kept data is flushed to disk on commit and stays after `stop()`; other data is neither. Default: whether `directory` is given. */
  readonly persistent?: boolean;
  /** Default: `postgres.log` beside the data. */
  readonly logFile?: string;
};

/** An initialized data folder and how its server is to run. */
export type PostgresCluster = {
  readonly folder: string;
  readonly dataFolder: string;
  readonly persistent: boolean;
  readonly logFile: string;
  readonly password: string;
  /** The caller asked for this port, so no other will do. */
  readonly portIsFixed: boolean;
  readonly account: PostgresAccount | undefined;
  port: number;
};

/** Finds the data folder, or makes it. */
export async function openCluster(options: EmbeddedPostgresOptions): Promise<PostgresCluster> {
  const folder = folderOf(options.directory);
  const portIsFixed = options.port !== undefined && options.port !== 0;
  const cluster = {
    folder,
    dataFolder: join(folder, 'data'),
    persistent: options.persistent ?? options.directory !== undefined,
    logFile: options.logFile ?? join(folder, 'postgres.log'),
    account: postgresAccount(),
    portIsFixed,
    port: portIsFixed ? (options.port ?? 0) : (rememberedPort(folder) ?? (await freePort())),
  };
  const passwordFile = join(folder, 'password');
  if (!existsSync(join(cluster.dataFolder, 'PG_VERSION'))) {
    await initialize(cluster, options.password ?? randomBytes(24).toString('hex'), passwordFile);
  }
  const version = readFileSync(join(cluster.dataFolder, 'PG_VERSION'), 'utf8').trim();
  if (version !== majorVersion) {
    const detail = `${cluster.dataFolder} holds data of version ${version}, and this is ${majorVersion}; move it away`;
    throw new EmbeddedStartError('postgres', detail);
  }
  return { ...cluster, password: options.password ?? readFileSync(passwordFile, 'utf8').trim() };
}

/** The next opening of a data folder prefers the port it last had. */
export function rememberPort(cluster: PostgresCluster): void {
  writeFileSync(join(cluster.folder, 'port'), `${cluster.port}\n`);
}

/** Runs a Postgres binary in a process group of its own, its output appended to the log. */
export function launch(
  cluster: Pick<PostgresCluster, 'account' | 'folder' | 'logFile'>,
  binary: 'postgres' | 'initdb',
  binaryArgs: readonly string[],
): ChildProcess {
  const path = postgresBinaries()[binary];
  const { file, args, account } = commandAs(
    cluster.account,
    [path, ...binaryArgs],
    [path, join(cluster.folder, 'data')],
  );
  const log = openSync(cluster.logFile, 'a');
  try {
    const child = spawn(file, args, {
      ...account,
      // Ctrl-C must reach us only: the server is stopped when its users have stopped.
      detached: true,
      stdio: ['ignore', log, log],
      cwd: '/',
      env: { ...process.env, LC_ALL: 'C', LC_MESSAGES: 'C', TZ: 'UTC' },
    });
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}

/** How many characters the log holds now. */
export function logLength(logFile: string): number {
  return existsSync(logFile) ? readFileSync(logFile, 'utf8').length : 0;
}

/** What the log gained since `from` characters, as much of its end as fits a message. */
export function logTail(logFile: string, from = 0): string {
  return existsSync(logFile)
    ? readFileSync(logFile, 'utf8').slice(from).slice(-logTailCharacters).trim()
    : '';
}

async function initialize(
  cluster: Omit<PostgresCluster, 'password'>,
  password: string,
  passwordFile: string,
): Promise<void> {
  // Built aside and renamed: an initdb cut short must not look like a database.
  const unfinished = join(cluster.folder, 'data.unfinished');
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { mode: 0o700 });
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  if (cluster.account !== undefined) {
    chownSync(unfinished, cluster.account.uid, cluster.account.gid);
    chownSync(passwordFile, cluster.account.uid, cluster.account.gid);
  }
  const child = launch(cluster, 'initdb', [
    `--pgdata=${unfinished}`,
    `--username=${superuser}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--no-sync',
    '--no-instructions',
  ]);
  const timer = setTimeout(() => child.kill('SIGKILL'), initTimeoutMs);
  const code = await endOf(child);
  clearTimeout(timer);
  if (code !== 0) throw new EmbeddedStartError('postgres', `initdb failed\n${logTail(cluster.logFile)}`);
  renameSync(unfinished, cluster.dataFolder);
}

async function endOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolveEnd, reject) => {
    child.once('error', reject);
    child.once('exit', resolveEnd);
    child.ref();
  });
}

function folderOf(directory: string | undefined): string {
  if (directory !== undefined) {
    mkdirSync(directory, { recursive: true });
    return resolve(directory);
  }
  const folder = mkdtempSync(join(tmpdir(), 'quittance-postgres-'));
  // Postgres may run as another user, who has to get in.
  chmodSync(folder, 0o755);
  return folder;
}

function rememberedPort(folder: string): number | undefined {
  const file = join(folder, 'port');
  if (!existsSync(file)) return undefined;
  const port = Number.parseInt(readFileSync(file, 'utf8'), 10);
  return Number.isSafeInteger(port) ? port : undefined;
}
