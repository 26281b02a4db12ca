import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { run, step } from './step.mjs';

export const root = fileURLToPath(new URL('../..', import.meta.url));

const leastNodeMajor = 24;
const modules = join(root, 'node_modules');
const stamp = join(modules, '.quittance-prepared');
const localNode = join(modules, '.bin', 'node');

/** Dependencies as locked, and everything built; does only what is not done yet. */
export async function prepare() {
  process.chdir(root);
  await install();
  await step('build', nx('run-many', '-t', 'build'), { env: toolEnv() });
}

/** Dependencies as locked. */
export async function install() {
  process.chdir(root);
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (!isInstalled(lock)) {
    await step('install dependencies (npm ci)', ['npm', 'ci', '--no-audit', '--no-fund'], {
      env: { ...process.env, PATH: pathWithoutLocalNode() },
    });
    writeFileSync(stamp, `${lock}\n`);
  }
  if (nodeMajor() < leastNodeMajor && !existsSync(localNode)) {
    process.stdout.write(
      `✗ This is Node ${process.versions.node}, Quittance needs ${leastNodeMajor}, and the npm package that brings it ` +
        'could not run its install script (is ignore-scripts set?). Install Node 24, or run npm ci --ignore-scripts=false\n',
    );
    process.exit(1);
  }
}

/** The command that runs a script with Node 24. */
export function node(...args) {
  return [nodeMajor() >= leastNodeMajor ? process.execPath : localNode, ...args];
}

/** The command that runs Nx. */
export function nx(...args) {
  return node(join(modules, '.bin', 'nx'), ...args);
}

/** The command that runs Prettier. */
export function prettier(...args) {
  return node(join(modules, '.bin', 'prettier'), ...args);
}

/** Environment for the tools: nothing stays behind, nothing goes to a cloud, Node 24 is the one on the path. */
export function toolEnv(extra = {}) {
  return {
    ...process.env,
    NX_DAEMON: 'false',
    NX_TUI: 'false',
    NX_NO_CLOUD: 'true',
    NX_ISOLATE_PLUGINS: 'false',
    // Nx makes its children believe in a terminal; a log file is none.
    ...(process.stdout.isTTY ? {} : { FORCE_COLOR: '0', NO_COLOR: '1' }),
    PATH: [join(modules, '.bin'), process.env.PATH].join(delimiter),
    ...extra,
  };
}

/** Runs a script of this folder with Node 24, and ends with its exit code. */
export async function continueWithNode24(script, args) {
  const { code } = await run(node(script, ...args), { env: toolEnv() });
  process.exit(code);
}

export function nodeMajor() {
  return Number.parseInt(process.versions.node, 10);
}

// `npm ci` by hand leaves no stamp of ours, but npm's own record is then newer than the lock file.
function isInstalled(lock) {
  if (existsSync(stamp)) return readFileSync(stamp, 'utf8').trim() === lock;
  const record = join(modules, '.package-lock.json');
  if (!existsSync(record) || statSync(record).mtimeMs < statSync(join(root, 'package-lock.json')).mtimeMs)
    return false;
  writeFileSync(stamp, `${lock}\n`);
  return true;
}

// npm runs us with node_modules/.bin first on the path; `npm ci` removes that folder under its own feet.
function pathWithoutLocalNode() {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => !folder.includes(join('node_modules', '.bin')))
    .join(delimiter);
}
