import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export type ServiceName = 'facilitator' | 'settlement' | 'ledger';

export type ServiceOptions = {
  readonly name: ServiceName;
  readonly port: number;
  readonly env: Readonly<Record<string, string>>;
  /** Started again when it ends without being asked to. */
  readonly supervised?: boolean;
  /** Where its log goes; left out: nowhere. */
  readonly logFolder?: string;
};

const readyTimeoutMs = 60_000;
const readyPollMs = 25;
const probeTimeoutMs = 2_000;
const stopGraceMs = 8_000;

/** One of our services as it runs for real: its own process, started from its build, killed without warning. */
export class Service {
  #child: ChildProcess | undefined;
  #ending = false;
  #crashes = 0;

  constructor(private readonly options: ServiceOptions) {}

  get name(): ServiceName {
    return this.options.name;
  }

  get url(): string {
    return `http://127.0.0.1:${this.options.port}`;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** How often it ended without being asked to. */
  get crashes(): number {
    return this.#crashes;
  }

  /** Starts the process, with more settings if given; `ready` tells when it can be used. */
  launch(more: Readonly<Record<string, string>> = {}): void {
    const { name, port, env, logFolder } = this.options;
    const main = fileURLToPath(new URL(`../../${name}/dist/main.js`, import.meta.url));
    const { PATH, HOME } = process.env;
    const child = spawn(process.execPath, [main], {
      env: { PATH, HOME, HOST: '127.0.0.1', PORT: String(port), LOG_LEVEL: 'info', ...env, ...more },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#child = child;
    this.#ending = false;
    child.once('exit', () => this.#noteEnd(child));
    if (logFolder === undefined) {
      child.stdout?.resume();
      child.stderr?.resume();
      return;
    }
    mkdirSync(logFolder, { recursive: true });
    const log = createWriteStream(`${logFolder}/${name}-${port}.log`, { flags: 'a' });
    child.stdout?.pipe(log, { end: false });
    child.stderr?.pipe(log, { end: false });
  }

  /** Resolves when `/health/ready` says so. */
  async ready(): Promise<void> {
    const deadline = Date.now() + readyTimeoutMs;
    let last = 'no answer';
    while (Date.now() < deadline) {
      try {
        const answer = await fetch(`${this.url}/health/ready`, {
          signal: AbortSignal.timeout(probeTimeoutMs),
        });
        if (answer.status === 200) return;
        last = await answer.text();
      } catch (error) {
        last = String(error);
      }
      if (this.#child?.exitCode !== null && this.#child?.exitCode !== undefined) {
        throw new Error(`${this.name} ended with exit code ${this.#child.exitCode} while starting`);
      }
      await sleep(readyPollMs);
    }
    throw new Error(`${this.name} was not ready within ${readyTimeoutMs} ms: ${last}`);
  }

  /** Stands still, as a process on a machine without air does, until `resume`. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  /** `SIGKILL`: no warning, no clean-up. Resolves when the process is gone. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  /** What a supervisor does: starts it again, plainly. */
  #noteEnd(child: ChildProcess): void {
    if (this.#ending || child !== this.#child) return;
    this.#crashes += 1;
    if (this.options.supervised === true) this.launch();
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#ending = true;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    const hard = setTimeout(() => child.kill('SIGKILL'), stopGraceMs);
    await ended;
    clearTimeout(hard);
  }
}
