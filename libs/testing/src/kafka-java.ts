import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

import { freePorts } from '@quittance/embedded';

import { kafkaClusterId } from './kafka-cluster-id.js';
import type { KafkaUnavailable, TestKafka } from './kafka.js';
import { answers, kafkaFolder, kafkaJars } from './kafka-jars.js';

const run = promisify(execFile);
const startTimeoutMs = 60_000;
const startTries = 3;
const readyPollMs = 50;
const startedLine = 'Kafka Server started';
const logTailCharacters = 400;
const javaFlags = ['-Xmx512m', '-Xms128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto'];

/** A broker of our own from its jars, in a temporary folder. */
export async function startJavaKafka(): Promise<TestKafka | KafkaUnavailable> {
  if (!(await answers('java', ['-version']))) return { unavailable: 'there is no Java to run one' };
  const jars = await kafkaJars();
  if ('unavailable' in jars) return jars;
  let fault = '';
  for (let attempt = 0; attempt < startTries; attempt += 1) {
    // Another process may take the free port before the broker does: then others are tried.
    const broker = await Broker.prepare(jars.folder);
    const started = await broker.start();
    if (started.ok) return broker;
    fault = started.fault;
    await broker.stop();
  }
  return { unavailable: `the broker did not start (${fault})` };
}

class Broker implements TestKafka {
  #child: ChildProcess | undefined;
  #watchdog: ChildProcess | undefined;

  private constructor(
    private readonly jars: string,
    private readonly folder: string,
    readonly brokers: string[],
  ) {}

  static async prepare(jars: string): Promise<Broker> {
    const folder = await mkdtemp(join(tmpdir(), 'quittance-kafka-'));
    const [port, controllerPort] = await freePorts(2);
    const settings = await readFile(join(kafkaFolder, 'server.properties'), 'utf8');
    const own = [
      `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
      `advertised.listeners=PLAINTEXT://127.0.0.1:${port}`,
      `controller.quorum.bootstrap.servers=127.0.0.1:${controllerPort}`,
      `log.dirs=${join(folder, 'data')}`,
    ];
    const broker = new Broker(jars, folder, [`127.0.0.1:${port}`]);
    await writeFile(broker.properties, `${settings}\n${own.join('\n')}\n`);
    const clusterId = kafkaClusterId();
    await run('java', [
      ...broker.javaArguments('kafka.tools.StorageTool'),
      'format',
      '--standalone',
      '--ignore-formatted',
      '-t',
      clusterId,
      '-c',
      broker.properties,
    ]);
    return broker;
  }

  async start(): Promise<{ ok: true } | { ok: false; fault: string }> {
    const output = openSync(this.logFile, 'w');
    const child = spawn('java', [...this.javaArguments('kafka.Kafka'), this.properties], {
      stdio: ['ignore', output, output],
      detached: true,
    });
    closeSync(output);
    child.unref();
    this.#child = child;
    this.#watchdog = watch(child, this.folder);
    const deadline = Date.now() + startTimeoutMs;
    while (Date.now() < deadline && child.exitCode === null && child.signalCode === null) {
      if ((await this.log()).includes(startedLine)) return { ok: true };
      await sleep(readyPollMs);
    }
    return { ok: false, fault: (await this.log()).slice(-logTailCharacters).replaceAll(/\s+/g, ' ') };
  }

  async startServer(): Promise<void> {
    const started = await this.start();
    if (!started.ok) throw new Error(`Kafka did not start again: ${started.fault}`);
  }

  async stopServer(): Promise<void> {
    const child = this.#child;
    if (child?.exitCode === null && child.signalCode === null) {
      const exited = new Promise((resolve) => child.once('exit', resolve));
      child.ref();
      child.kill('SIGKILL');
      await exited;
    }
    this.#watchdog?.stdin?.end('dismissed\n');
    this.#watchdog = undefined;
  }

  async stop(): Promise<void> {
    await this.stopServer();
    await rm(this.folder, { recursive: true, force: true });
  }

  private get properties(): string {
    return join(this.folder, 'server.properties');
  }

  private get logFile(): string {
    return join(this.folder, 'broker.log');
  }

  private async log(): Promise<string> {
    return readFile(this.logFile, 'utf8');
  }

  private javaArguments(mainClass: string): string[] {
    const logging = `-Dlog4j2.configurationFile=${join(kafkaFolder, 'log4j2.properties')}`;
    return [...javaFlags, logging, '-cp', join(this.jars, '*'), mainClass];
  }
}

/**
 * Ends the broker if this process dies without doing so. The shell waits on a pipe of which we hold the only other end:
 * the kernel closes it with us, even on SIGKILL, which no exit handler can promise.
 */
function watch(broker: ChildProcess, folder: string): ChildProcess {
  const script = 'trap "" HUP INT TERM; read -r _ && exit 0; kill -9 "$1"; rm -rf "$2"';
  const shell = spawn('/bin/sh', ['-c', script, 'watchdog', String(broker.pid), folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  shell.unref();
  (shell.stdin as unknown as { unref(): void }).unref();
  return shell;
}
