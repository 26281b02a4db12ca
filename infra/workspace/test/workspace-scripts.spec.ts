import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { afterAll, describe, expect, it } from '@jest/globals';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'quittance-spec-'));

type Ended = { readonly status: number | null; readonly stdout: string };

function evaluate(code: string): Ended {
  const args = ['--input-type=module', '--eval', code];
  return spawnSync(process.execPath, args, { cwd: join(root, 'infra', 'workspace'), encoding: 'utf8' });
}

/** Evaluates code that leaves process ids in the file PIDS names, and sends it a signal when they are there. */
async function interrupt(
  code: string,
  signal: NodeJS.Signals,
  shell?: 'as npm has it',
): Promise<Ended & { pids: number[] }> {
  const pidFile = join(folder, 'pids');
  rmSync(pidFile, { force: true });
  const args = ['--input-type=module', '--eval', code];
  const command =
    shell === undefined
      ? [process.execPath, ...args]
      : ['sh', '-c', '"$@"; exit "$?"', 'sh', process.execPath, ...args];
  const child = spawn(command[0] ?? '', command.slice(1), {
    cwd: join(root, 'infra', 'workspace'),
    env: { ...process.env, PIDS: pidFile, npm_lifecycle_event: 'start' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  const closed = once(child, 'close');
  while (!existsSync(pidFile) && child.exitCode === null) await sleep(20);
  child.kill(signal);
  await closed;
  const pids = readFileSync(pidFile, 'utf8').trim().split('\n').map(Number);
  return { status: child.exitCode, stdout, pids };
}

/** Those that still run a moment later: an ended one may wait for its parent to ask after it. */
async function survivors(pids: readonly number[]): Promise<string[]> {
  let running: string[] = [];
  for (let tries = 0; tries < 50; tries += 1) {
    const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', pids.join(',')], { encoding: 'utf8' });
    running = stdout.split('\n').filter((state) => state !== '' && !state.startsWith('Z'));
    if (running.length === 0) break;
    await sleep(20);
  }
  return running;
}

/** Runs `.ci/run` with an npm that says what it is told. */
function ci(
  testOutput: string,
  exits: { test: number; check: number },
): Ended & { lastLine: string | undefined } {
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  const script = `#!/bin/sh\nif [ "$1" = test ]; then printf '${testOutput}'; exit ${exits.test}; fi\necho checked; exit ${exits.check}\n`;
  writeFileSync(join(bin, 'npm'), script);
  chmodSync(join(bin, 'npm'), 0o755);
  const ended = spawnSync('bash', [join(root, '.ci', 'run')], {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${bin}:${process.env['PATH']}` },
  });
  return { ...ended, lastLine: ended.stdout.trimEnd().split('\n').at(-1) };
}

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('a step', () => {
  it('ends with the exit code of its command, and shows what that said', () => {
    const code = `import { step } from './step.mjs'; await step('build', ['sh', '-c', 'echo broken >&2; exit 3']); console.log('went on');`;
    const { status, stdout } = evaluate(code);
    expect(status).toBe(3);
    expect(stdout).toMatch(/✗ build failed with exit code 3 \(.*broken\n$/s);
    expect(stdout).not.toContain('went on');
  });

  it('names a command that is not there', () => {
    const { status, stdout } = evaluate(
      `import { step } from './step.mjs'; await step('x', ['no-such-command']);`,
    );
    expect(status).toBe(127);
    expect(stdout).toContain('spawn no-such-command ENOENT');
  });
});

describe('a step that lasts', () => {
  it('says so every 5 seconds', () => {
    const { stdout } = evaluate(`import { step } from './step.mjs'; await step('nap', ['sleep', '5.5']);`);
    expect(stdout).toMatch(/^· nap …\n {2}nap: 5 s\n✓ nap \(5\.\d s\)\n$/);
  });

  const code = (script: string) =>
    `import { step } from './step.mjs'; await step('install', ['sh', '-c', ${JSON.stringify(script)}]); console.log('went on');`;

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'takes along what its command started when %s stops it, and goes no further',
    async (signal) => {
      const script =
        'sh -c "sleep 60 & wait" & trap "exit 0" INT TERM HUP; echo "$!" > "$PIDS.new"; mv "$PIDS.new" "$PIDS"; wait';
      const { status, stdout, pids } = await interrupt(code(script), signal);
      expect(status).toBe(128 + constants.signals[signal]);
      expect(stdout).toContain(`✗ install was stopped by ${signal} (`);
      expect(stdout).not.toContain('went on');
      expect(await survivors(pids)).toEqual([]);
    },
  );

  it('takes it along too when the signal comes before we have heard that it started', async () => {
    const slowSpawn = `import childProcess from 'node:child_process';
      import { syncBuiltinESMExports } from 'node:module';
      const { spawn } = childProcess;
      childProcess.spawn = (...args) => {
        const child = spawn(...args);
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000);
        return child;
      };
      syncBuiltinESMExports();
      const { step } = await import('./step.mjs');
      await step('install', ['sh', '-c', 'sleep 60 & echo "$!" > "$PIDS.new"; mv "$PIDS.new" "$PIDS"; wait']);`;
    const { status, stdout, pids } = await interrupt(slowSpawn, 'SIGHUP');
    expect([status, await survivors(pids)]).toEqual([129, []]);
    expect(stdout).toContain('✗ install was stopped by SIGHUP (');
  });

  it('ends with the exit code of the first signal when another one comes at the end', async () => {
    const twice = `import { step } from './step.mjs';
      const { exit } = process;
      process.exit = (code) => {
        process.kill(process.pid, 'SIGINT');
        exit(code);
      };
      await step('install', ['sh', '-c', 'sleep 60 & echo "$!" > "$PIDS.new"; mv "$PIDS.new" "$PIDS"; wait']);`;
    expect((await interrupt(twice, 'SIGTERM')).status).toBe(143);
  });

  it('is stopped by a signal that reached npm’s shell only', async () => {
    const script = 'sleep 60 & echo "$!" > "$PIDS.new"; mv "$PIDS.new" "$PIDS"; wait';
    const { stdout, pids } = await interrupt(code(script), 'SIGTERM', 'as npm has it');
    expect(stdout).toContain('✗ install was stopped by SIGTERM (');
    expect(await survivors(pids)).toEqual([]);
  });

  it('does not wait for ever for one that ignores the signal', async () => {
    const script =
      'trap "" TERM; sleep 60 & echo "$$ $!" | tr " " "\\n" > "$PIDS.new"; mv "$PIDS.new" "$PIDS"; wait';
    const { status, pids } = await interrupt(code(script), 'SIGTERM');
    expect([status, pids.length, await survivors(pids)]).toEqual([143, 2, []]);
  });
});

describe('the totals', () => {
  it('count a run that broke without a failed test as one failure', () => {
    const code = `import { settleTotals, totalsLine } from './run-tests.mjs';
      console.log(totalsLine(settleTotals({ passed: 2, failed: 0, skipped: 1 }, 1)));`;
    expect(evaluate(code).stdout).toMatch(/\n2 passed, 1 failed, 1 skipped\n$/);
  });
});

describe('.ci/run', () => {
  it('passes when all tests ran and passed, with the totals last', () => {
    const { status, lastLine } = ci('5 passed, 0 failed, 0 skipped\\n', { test: 0, check: 0 });
    expect([status, lastLine]).toEqual([0, '5 passed, 0 failed, 0 skipped']);
  });

  it.each([
    { what: 'a failed test', says: '4 passed, 1 failed, 0 skipped', test: 1, check: 0 },
    { what: 'a skipped test', says: '4 passed, 0 failed, 1 skipped', test: 0, check: 0 },
    { what: 'no test at all', says: '0 passed, 0 failed, 0 skipped', test: 0, check: 0 },
    { what: 'a failed check', says: '5 passed, 0 failed, 0 skipped', test: 0, check: 1 },
  ])('fails on $what, with the totals last', ({ says, test, check }) => {
    const { status, lastLine } = ci(`${says}\\nnpm error\\n`, { test, check });
    expect([status, lastLine]).toEqual([1, says]);
  });

  it('fails when the Kafka suites were left out', () => {
    const { status, stdout } = ci('No Kafka here: no Docker\\n5 passed, 0 failed, 0 skipped\\n', {
      test: 0,
      check: 0,
    });
    expect(status).toBe(1);
    expect(stdout).toContain('✗ the Kafka suites were left out');
  });

  it.each(['bean-check', 'hledger', 'camt.053 schema'])('fails when %s was left out', (checker) => {
    const says = `ledger: No ${checker} here: it is not installed\\n5 passed, 0 failed, 0 skipped\\n`;
    const { status, stdout } = ci(says, { test: 0, check: 0 });
    expect(status).toBe(1);
    expect(stdout).toContain('✗ checkers of exports were left out');
  });

  it('counts an install that broke as a failure', () => {
    const { status, lastLine } = ci('npm error\\n', { test: 1, check: 0 });
    expect([status, lastLine]).toEqual([1, '0 passed, 1 failed, 0 skipped']);
  });
});

describe('the settings page', () => {
  it('says what is required, what may be left out, and which options there are', () => {
    const section = {
      title: 'shop',
      command: 'shop [--now]',
      settings: [
        { name: 'A', description: 'One | two.' },
        { name: 'B', default: null, description: 'Three.' },
        { name: 'C', default: 7, description: 'Four.' },
      ],
      options: [{ name: '--now', default: null, description: 'At once.' }],
    };
    const code = `import { settingsPage } from './settings-page.mjs'; process.stdout.write(settingsPage([${JSON.stringify(section)}]));`;
    const [, page] = evaluate(code).stdout.split('do not edit.\n\n');
    expect(page?.split('\n')).toEqual([
      '## shop',
      '',
      '`shop [--now]`',
      '',
      '| Setting | Default | Meaning |',
      '| --- | --- | --- |',
      '| `A` | required | One \\| two. |',
      '| `B` | none | Three. |',
      '| `C` | `7` | Four. |',
      '',
      '| Option | Default | Meaning |',
      '| --- | --- | --- |',
      '| `--now` | none | At once. |',
      '',
    ]);
  });

  it.each([
    ['facilitator', 'SETTLE_WAIT_MS'],
    ['settlement', 'RELAYER_PRIVATE_KEYS'],
    ['ledger', 'DATABASE_URL'],
    ['migrations', 'DATABASE_ADMIN_URL'],
    ['migrations', 'LEDGER_DATABASE_PASSWORD'],
    ['standalone', 'CHAIN_PORT'],
    ['standalone', '--data <folder>'],
  ])('has, of %s, %s', (title, name) => {
    const page = readFileSync(join(root, 'docs', 'operations', 'settings.md'), 'utf8');
    const section = page.split('\n## ').find((text) => text.startsWith(`${title}\n`));
    expect(section).toContain(`\n| \`${name}\` | `);
  });
});
