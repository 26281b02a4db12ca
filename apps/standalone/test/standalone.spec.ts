/**
 * Goal: one command gives a working installation that sells, books and ends cleanly, on new and on kept data.
 * Method: the built main.js as a process, as `npm start` runs it, on free ports and a folder of its own.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, describe, expect, it } from '@jest/globals';
import { isRunning, waitForEnd } from '@quittance/embedded';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const data = mkdtempSync(join(tmpdir(), 'quittance-spec-'));
const freePorts = { FACILITATOR_PORT: '0', SETTLEMENT_PORT: '0', LEDGER_PORT: '0', CHAIN_PORT: '0' };
const endTimeoutMs = 15_000;

type Run = { readonly child: ChildProcess; output: string };

function run(...args: string[]): Run {
  return runWith({}, ...args);
}

function runWith(settings: Record<string, string>, ...args: string[]): Run {
  const child = spawn(process.execPath, [main, '--data', data, ...args], {
    env: { ...process.env, ...freePorts, ...settings },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const started: Run = { child, output: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    started.output += text;
  });
  return started;
}

async function ended({ child }: Run): Promise<number | null> {
  if (child.exitCode === null) await once(child, 'exit');
  return child.exitCode;
}

async function said(started: Run, text: string): Promise<void> {
  while (!started.output.includes(text)) {
    if (started.child.exitCode !== null) throw new TypeError(`it ended:\n${started.output}`);
    await once(started.child.stdout ?? started.child, 'data');
  }
}

async function running(started: Run): Promise<number[]> {
  await said(started, 'Running. Ctrl-C ends it.');
  return partPids();
}

function partPids(): number[] {
  const files = readdirSync(join(data, 'run')).map((file) => join(data, 'run', file));
  return [
    ...files,
    join(data, 'chain', 'state.json.pid'),
    join(data, 'postgres', 'data', 'postmaster.pid'),
  ].map((file) => Number.parseInt(readFileSync(file, 'utf8'), 10));
}

afterAll(() => {
  rmSync(data, { recursive: true, force: true });
});

describe('the standalone installation', () => {
  it('sells to a v2 and a v1 agent, books both, and ends with a zero trial balance', async () => {
    const started = run('--once', '--fresh');
    expect(await ended(started)).toBe(0);
    expect(started.output.match(/ {2}transaction {2}0x[0-9a-f]{64}\n/g)).toHaveLength(2);
    expect(started.output).toMatch(
      /402, payment required[^]*signed[^]*verified[^]*settled[^]*served[^]*posted/,
    );
    expect(started.output).toContain('Trial balance: zero');
  });

  it('does so again on the kept data, and Ctrl-C ends every part', async () => {
    const started = run();
    const pids = await running(started);
    expect(pids).toHaveLength(6);
    started.child.kill('SIGINT');
    expect(await ended(started)).toBe(0);
    expect(pids.filter(isRunning)).toEqual([]);
    expect(started.output).toMatch(/settled +debits 0\.04 USDC, credits 0\.04 USDC, difference 0/);
  });

  it('charges merchants what it was told to, and shows the fee among the entries', async () => {
    const fees = [{ from: '2026-01-01T00:00:00Z', basisPoints: 100 }];
    const started = runWith({ MERCHANT_FEES: JSON.stringify(fees) }, '--once');
    expect(await ended(started)).toBe(0);
    expect(started.output).toMatch(/settled +0\.0001 USDC {2}G:receivable:fees:0x[0-9a-f]{40}\n/);
    expect(started.output).toMatch(/settled +-0\.0001 USDC {2}G:revenue:fee:exact\n/);
    expect(started.output).toContain('Trial balance: zero');
  });

  it('says which setting of the ledger is wrong', async () => {
    const started = runWith({ TREASURIES: 'mine' }, '--once');
    expect(await ended(started)).toBe(1);
    expect(started.output).toMatch(/The ledger service is not ready[^]*TREASURIES: must be JSON/);
  });

  it.each([
    { who: 'SIGTERM', end: (child: ChildProcess) => void child.kill('SIGTERM') },
    {
      who: 'the end of the process that started it',
      end: (child: ChildProcess) => {
        child.disconnect();
      },
    },
  ])('fails with --once when $who comes before the purchases, and says so', async ({ who, end }) => {
    const started = run('--once');
    await said(started, '✓ Postgres');
    end(started.child);
    expect(await ended(started)).toBe(1);
    expect(started.output).toContain(`✗ Stopped by ${who} before both purchases were made and booked\n`);
  });

  it('refuses to run a second time on the same data', async () => {
    const first = run();
    await running(first);
    const second = run();
    expect(await ended(second)).toBe(1);
    expect(second.output).toContain(`Quittance already runs on ${data} (process ${first.child.pid})`);
    first.child.kill('SIGTERM');
    expect(await ended(first)).toBe(0);
  });

  it('takes its parts along when it is killed, and starts on what they left', async () => {
    const killed = run();
    const pids = await running(killed);
    killed.child.kill('SIGKILL');
    const next = run('--once');
    expect(await ended(next)).toBe(0);
    for (const pid of pids) expect(await waitForEnd(pid, endTimeoutMs)).toBe(true);
  });
});
