import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import type { KafkaUnavailable } from './kafka.js';

const run = promisify(execFile);
export const kafkaFolder = fileURLToPath(new URL('../../../infra/kafka/', import.meta.url));
const cacheFolder = fileURLToPath(new URL('../../../node_modules/.cache/quittance-kafka/', import.meta.url));
const probeTimeoutMs = 10_000;
const downloadTimeoutMs = 300_000;
const lockPollMs = 200;

/** The folder with the broker's jars; Maven brings them once for each version of infra/kafka/pom.xml. */
export async function kafkaJars(): Promise<{ readonly folder: string } | KafkaUnavailable> {
  const pom = join(kafkaFolder, 'pom.xml');
  const version = createHash('sha256')
    .update(await readFile(pom))
    .digest('hex')
    .slice(0, 12);
  const folder = join(cacheFolder, version);
  if (existsSync(folder)) return { folder };
  if (!(await answers('mvn', ['--version'])))
    return { unavailable: 'there is no Maven to bring the jars of one' };
  await mkdir(cacheFolder, { recursive: true });
  // One download at a time: Maven's own repository does not bear two at once.
  return locked(join(cacheFolder, 'download.lock'), async () => {
    if (existsSync(folder)) return { folder };
    const partial = `${folder}.${process.pid}.partial`;
    process.stderr.write('Kafka: bringing the broker with Maven (about 45 MB, once) …\n');
    try {
      await run('mvn', mavenArguments(pom, partial), { timeout: downloadTimeoutMs });
      await rename(partial, folder);
      process.stderr.write('Kafka: the broker is in place.\n');
      return { folder };
    } catch (fault) {
      return { unavailable: `Maven could not bring the jars (${lastLine(fault)})` };
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
  });
}

export async function answers(command: string, args: readonly string[]): Promise<boolean> {
  return run(command, [...args], { timeout: probeTimeoutMs }).then(
    () => true,
    () => false,
  );
}

function mavenArguments(pom: string, outputFolder: string): string[] {
  return [
    '-q',
    '-B',
    '-f',
    pom,
    'dependency:copy-dependencies',
    '-DincludeScope=runtime',
    `-DoutputDirectory=${outputFolder}`,
  ];
}

function lastLine(fault: unknown): string {
  const { stdout = '', message = '' } = fault as { stdout?: string; message?: string };
  const lines = `${message}\n${stdout}`.split('\n').filter((line) => line.includes('ERROR'));
  return (lines[0] ?? message).slice(0, 200);
}

async function locked<Result>(file: string, work: () => Promise<Result>): Promise<Result> {
  while (!(await claim(file))) await sleep(lockPollMs);
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

/** Makes the lock file, or clears away that of a process which died. */
async function claim(file: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx');
    await handle.writeFile(String(process.pid));
    await handle.close();
    return true;
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code !== 'EEXIST') throw fault;
  }
  const holder = Number(await readFile(file, 'utf8').catch(() => '0'));
  if (holder > 0 && !isAlive(holder)) await rm(file, { force: true });
  return false;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (fault) {
    return (fault as NodeJS.ErrnoException).code === 'EPERM';
  }
}
