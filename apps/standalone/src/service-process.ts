import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { endLeftover, endProcess } from '@quittance/embedded';

import { restartDelayMs } from './backoff.js';
import { StandaloneError } from './standalone.error.js';

const readyTimeoutMs = 60_000;
const readyPollMs = 50;
const probeTimeoutMs = 2_000;
const stopGraceMs = 7_000;
/** A service that ran this long before it ended did start; the back-off begins anew. */
const steadyAfterMs = 30_000;
const startFailuresMax = 3;
const logTailLines = 15;

export type ServiceOptions = {
  readonly name: string;
  /** The built main.js. */
  readonly script: string;
  readonly env: Readonly<Record<string, string>>;
  readonly url: string;
  readonly logFile: string;
  readonly pidFile: string;
  readonly report: (line: string) => void;
};

/** One service as a process of its own, restarted when it ends by itself. It dies with us: its IPC channel closes. */
export class ServiceProcess {
  #child: ChildProcess | undefined;
  #failures = 0;
  #stopping = false;
  #restart: NodeJS.Timeout | undefined;

  private constructor(private readonly options: ServiceOptions) {}

  /** Ends what a killed supervisor left of this service, and starts it. */
  static async start(options: ServiceOptions): Promise<ServiceProcess> {
    await endLeftover({ pidFile: options.pidFile, mark: options.script, graceMs: stopGraceMs });
    const service = new ServiceProcess(options);
    service.#launch();
    return service;
  }

  /** Resolves when `/health/ready` says so. Throws StandaloneError with the end of its log when it does not. */
  async ready(): Promise<void> {
    const { name, url, logFile } = this.options;
    const deadline = Date.now() + readyTimeoutMs;
    let last = 'no answer';
    while (Date.now() < deadline && this.#failures < startFailuresMax) {
      const answer = await probe(`${url}/health/ready`);
      if (answer.ready) return;
      last = answer.detail;
      await sleep(readyPollMs);
    }
    const why = this.#failures >= startFailuresMax ? `it ended ${this.#failures} times` : last;
    throw new StandaloneError(
      'not_ready',
      `The ${name} service is not ready: ${why}\n${tail(logFile)}\nFull log: ${logFile}`,
    );
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    const pid = this.#child?.pid;
    if (pid !== undefined && this.#child?.exitCode === null && this.#child.signalCode === null) {
      await endProcess(pid, [{ signal: 'SIGTERM', waitMs: stopGraceMs }]);
    }
    rmSync(this.options.pidFile, { force: true });
  }

  #launch(): void {
    const { script, env, logFile, pidFile } = this.options;
    const log = openSync(logFile, 'a');
    const started = Date.now();
    // A group of its own: Ctrl-C reaches us, and we stop it before the database under it.
    const child = spawn(process.execPath, [script], {
      env: { ...inherited(), ...env },
      stdio: ['ignore', log, log, 'ipc'],
      detached: true,
    });
    closeSync(log);
    this.#child = child;
    if (child.pid !== undefined) writeFileSync(pidFile, `${child.pid}\n`);
    child.once('error', () => {
      this.#ended('could not be started', started);
    });
    child.once('exit', (code, signal) => {
      this.#ended(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`, started);
    });
  }

  #ended(how: string, started: number): void {
    if (this.#stopping) return;
    this.#failures = Date.now() - started > steadyAfterMs ? 1 : this.#failures + 1;
    const delayMs = restartDelayMs(this.#failures);
    this.options.report(
      `! ${this.options.name} ${how}; starting it again in ${delayMs} ms (${this.options.logFile})`,
    );
    this.#restart = setTimeout(() => {
      this.#launch();
    }, delayMs);
  }
}

async function probe(url: string): Promise<{ ready: boolean; detail: string }> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(probeTimeoutMs) });
    const detail = `${url} answers ${answer.status}: ${await answer.text()}`;
    return { ready: answer.status === 200, detail };
  } catch {
    return { ready: false, detail: `${url} does not answer` };
  }
}

// The services are told their settings; what our own environment happens to hold of them is not meant for them.
function inherited(): Record<string, string | undefined> {
  const { PATH, HOME, LANG, TZ, TMPDIR } = process.env;
  return { PATH, HOME, LANG, TZ, TMPDIR };
}

function tail(file: string): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-logTailLines).join('\n');
}
