import { spawn } from 'node:child_process';
import { pbkdf2Sync } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { arch, platform, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { type Address, createPublicClient, type Hex, http, toHex } from 'viem';
import { HDKey, privateKeyToAddress } from 'viem/accounts';

import { deployDevChain } from './dev-chain.js';
import { EmbeddedStartError } from './embedded-start.error.js';
import { freePort } from './free-port.js';
import { endLeftover, endProcess, haltProcess, isRunning, sendSignal } from './running-process.js';
import { startWatchdog } from './watchdog.js';

const defaultChainId = 84532;
const startTimeoutMs = 30_000;
const readyPollMs = 25;
const startTries = 5;
const stopGraceMs = 8_000;
const stateIntervalS = 2;
/** Blocks whose state can be asked for. Beyond its bound anvil would write a file of the whole state for each new block. */
const statesKept = 256;
const accountCount = 10;
const logTailCharacters = 1_500;

export type AnvilAccount = { readonly address: Address; readonly privateKey: Hex };

export type AnvilOptions = {
  /** Default 84532, the id of Base Sepolia. */
  readonly chainId?: number;
  /** Seconds between blocks; left out: a block for each transaction. */
  readonly blockTimeS?: number;
  /** 0 or left out: a free one. */
  readonly port?: number;
  /** File that keeps the chain over restarts, written every 2 seconds and at the end. */
  readonly statePath?: string;
  /** Default: a temporary one. */
  readonly logFile?: string;
};

/** A local chain with the dev contracts on it. It dies with this process, however that dies. */
export type Anvil = {
  readonly rpcUrl: string;
  readonly chainId: number;
  readonly port: number;
  readonly pid: number;
  /** Funded with native coin; the keys are public knowledge. */
  readonly accounts: readonly AnvilAccount[];
  /** Resolves when the process has ended, for whatever reason. */
  readonly ended: Promise<void>;
  /** Mines `blocks` now. */
  mine(blocks?: number): Promise<void>;
  /** Stops answering, as a hung node does, until `resume`. */
  pause(): void;
  resume(): void;
  /** Resolves when the state is written and the process gone. */
  stop(): Promise<void>;
};

/** Starts a chain and puts the dev contracts on it. Throws EmbeddedStartError. */
export async function startAnvil(options: AnvilOptions = {}): Promise<Anvil> {
  const wanted = options.port ?? 0;
  for (let tries = 1; ; tries += 1) {
    const port = wanted === 0 ? await freePort() : wanted;
    const started = await tryAnvil(options, port);
    if (started.ok) return started.anvil;
    const portTaken = /address (already )?in use/i.test(started.log);
    if (!portTaken || wanted !== 0 || tries === startTries) {
      throw new EmbeddedStartError('anvil', portTaken ? `port ${port} is taken` : started.log);
    }
  }
}

type Attempt = { readonly ok: true; readonly anvil: Anvil } | { readonly ok: false; readonly log: string };

async function tryAnvil(options: AnvilOptions, port: number): Promise<Attempt> {
  const chainId = options.chainId ?? defaultChainId;
  const rpcUrl = `http://127.0.0.1:${port}`;
  const stateArgs = options.statePath === undefined ? [] : await prepareState(options.statePath);
  const folder = mkdtempSync(join(tmpdir(), 'quittance-anvil-'));
  const logFile = options.logFile ?? join(folder, 'anvil.log');
  const logStart = existsSync(logFile) ? readFileSync(logFile, 'utf8').length : 0;
  const node = launch({ ...options, chainId, port, logFile }, stateArgs);
  const watchdog = startWatchdog(cleanUpScript, [String(node.pid), folder]);
  const stop = async (): Promise<void> => {
    sendSignal(node.pid, 'SIGCONT');
    await endProcess(node.pid, [{ signal: 'SIGINT', waitMs: stopGraceMs }]);
    watchdog.dismiss();
    rmSync(folder, { recursive: true, force: true });
    if (options.statePath !== undefined) rmSync(pidFileOf(options.statePath), { force: true });
  };
  const problem = await waitUntilReady(rpcUrl, chainId, node.pid);
  if (problem !== undefined) {
    const log = readFileSync(logFile, 'utf8').slice(logStart).slice(-logTailCharacters).trim();
    await stop();
    return { ok: false, log: `${problem}\n${log}`.trim() };
  }
  try {
    await deployDevChain(rpcUrl);
  } catch (fault) {
    await stop();
    throw fault;
  }
  const anvil: Anvil = {
    rpcUrl,
    chainId,
    port,
    pid: node.pid,
    accounts: devAccounts(),
    ended: node.ended,
    mine: async (blocks = 1) => {
      await createPublicClient({ transport: http(rpcUrl) }).request<{
        Method: 'anvil_mine';
        Parameters: [Hex];
        ReturnType: null;
      }>({
        method: 'anvil_mine',
        params: [toHex(blocks)],
      });
    },
    pause: () => {
      haltProcess(node.pid);
    },
    resume: () => void sendSignal(node.pid, 'SIGCONT'),
    stop,
  };
  return { ok: true, anvil };
}

// $1 the process, $2 its temporary folder. SIGINT writes the state.
const cleanUpScript = `
kill -CONT "$1" 2>/dev/null
if kill -INT "$1" 2>/dev/null; then
  i=0
  while kill -0 "$1" 2>/dev/null && [ $i -lt 80 ]; do sleep 0.1; i=$((i+1)); done
  kill -0 "$1" 2>/dev/null && kill -KILL "$1"
fi
rm -rf "$2"
exit 0`;

type Launch = AnvilOptions & { readonly chainId: number; readonly port: number; readonly logFile: string };

function launch(options: Launch, stateArgs: readonly string[]): { pid: number; ended: Promise<void> } {
  const args = [
    '--host',
    '127.0.0.1',
    '--port',
    String(options.port),
    '--chain-id',
    String(options.chainId),
    '--quiet',
    '--prune-history',
    String(statesKept),
    ...stateArgs,
  ];
  if (options.blockTimeS !== undefined) args.push('--block-time', String(options.blockTimeS));
  const log = openSync(options.logFile, 'a');
  // A group of its own: Ctrl-C must reach us only, and we stop it when its users have stopped.
  const child = spawn(anvilBinary(), args, { detached: true, stdio: ['ignore', log, log], cwd: tmpdir() });
  closeSync(log);
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => {
      resolve();
    });
    child.once('error', () => {
      resolve();
    });
  });
  child.unref();
  if (child.pid === undefined) throw new EmbeddedStartError('anvil', `${anvilBinary()} cannot be run`);
  if (options.statePath !== undefined) writeFileSync(pidFileOf(options.statePath), `${child.pid}\n`);
  return { pid: child.pid, ended };
}

async function prepareState(statePath: string): Promise<string[]> {
  const file = resolve(statePath);
  mkdirSync(dirname(file), { recursive: true });
  await endLeftover({ pidFile: pidFileOf(statePath), mark: file, graceMs: stopGraceMs });
  if (existsSync(file)) {
    try {
      JSON.parse(readFileSync(file, 'utf8'));
    } catch (cause) {
      throw new EmbeddedStartError(
        'anvil',
        `its state ${file} was cut short when it was last written; remove it`,
        { cause },
      );
    }
  }
  return ['--state', file, '--state-interval', String(stateIntervalS)];
}

function pidFileOf(statePath: string): string {
  return `${resolve(statePath)}.pid`;
}

async function waitUntilReady(rpcUrl: string, chainId: number, pid: number): Promise<string | undefined> {
  const client = createPublicClient({ transport: http(rpcUrl, { retryCount: 0, timeout: 2_000 }) });
  const deadline = Date.now() + startTimeoutMs;
  while (Date.now() < deadline) {
    const answer = await client.getChainId().catch(() => undefined);
    // After the answer: whoever else holds the port may have given it.
    if (!isRunning(pid)) return 'it ended at once';
    if (answer === chainId) return undefined;
    await sleep(readyPollMs);
  }
  return `no answer within ${startTimeoutMs} ms`;
}

const packageArch: Partial<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

function anvilBinary(): string {
  const name = `@foundry-rs/anvil-${platform()}-${packageArch[arch()] ?? arch()}`;
  try {
    const owner = createRequire(import.meta.url).resolve('@foundry-rs/anvil/package.json');
    return join(dirname(createRequire(owner).resolve(`${name}/package.json`)), 'bin', 'anvil');
  } catch (cause) {
    throw new EmbeddedStartError('anvil', `the npm package ${name} is not installed; run npm ci`, { cause });
  }
}

let derivedAccounts: readonly AnvilAccount[] | undefined;

// anvil's own default accounts, from the mnemonic that it and every other dev chain uses.
function devAccounts(): readonly AnvilAccount[] {
  if (derivedAccounts === undefined) {
    const seed = pbkdf2Sync(`${'test '.repeat(11)}junk`, 'mnemonic', 2048, 64, 'sha512');
    const root = HDKey.fromMasterSeed(seed).derive("m/44'/60'/0'/0");
    derivedAccounts = Array.from({ length: accountCount }, (_, index) => {
      const privateKey = toHex(root.deriveChild(index).privateKey ?? new Uint8Array());
      return { address: privateKeyToAddress(privateKey).toLowerCase() as Address, privateKey };
    });
  }
  return derivedAccounts;
}
