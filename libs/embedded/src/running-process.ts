import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const pollIntervalMs = 20;
const killWaitMs = 2_000;
const haltWaitMs = 500;
const haltSettleMs = 10;
const haltClock = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

/** Whether a process of this id runs (one that only waits to be reaped does not). */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (fault) {
    return (fault as NodeJS.ErrnoException).code === 'EPERM';
  }
  return processState(pid) !== 'Z';
}

/** Waits until the process is gone; false when it still runs after `timeoutMs`. */
export async function waitForEnd(pid: number, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (isRunning(pid)) {
    if (Date.now() > deadline) return false;
    await sleep(pollIntervalMs);
  }
  return true;
}

/** Ends a process: each signal in turn with its own patience, SIGKILL last. */
export async function endProcess(
  pid: number,
  signals: readonly { signal: NodeJS.Signals; waitMs: number }[],
): Promise<void> {
  for (const { signal, waitMs } of [...signals, { signal: 'SIGKILL' as const, waitMs: killWaitMs }]) {
    if (!sendSignal(pid, signal)) return;
    if (await waitForEnd(pid, waitMs)) return;
  }
}

/** Sends a signal; false when there is no such process any more. */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw fault;
  }
}

/** Halts a process as a hang does, and returns when it has halted: a signal takes a moment to reach every thread. */
export function haltProcess(pid: number): void {
  if (!sendSignal(pid, 'SIGSTOP')) return;
  const deadline = Date.now() + haltWaitMs;
  while (processState(pid) !== 'T' && Date.now() < deadline) Atomics.wait(haltClock, 0, 0, 1);
  // The state is the first thread's; the others follow within a tick of the scheduler.
  Atomics.wait(haltClock, 0, 0, haltSettleMs);
}

/** The id in a pid file, if that process runs and its command line names `mark`: ids are reused, so a number alone proves nothing. */
export function runningPid(pidFile: string, mark: string): number | undefined {
  let text: string;
  try {
    text = readFileSync(pidFile, 'utf8');
  } catch {
    return undefined;
  }
  const pid = Number.parseInt(text, 10);
  if (!Number.isSafeInteger(pid) || pid <= 1 || !isRunning(pid)) return undefined;
  return commandLine(pid).includes(mark) ? pid : undefined;
}

/** Ends what an earlier run, itself killed, left behind, and removes its pid file. True when something still ran. */
export async function endLeftover(options: {
  pidFile: string;
  mark: string;
  graceMs: number;
}): Promise<boolean> {
  const pid = runningPid(options.pidFile, options.mark);
  if (pid !== undefined) {
    sendSignal(pid, 'SIGCONT');
    await endProcess(pid, [{ signal: 'SIGINT', waitMs: options.graceMs }]);
  }
  rmSync(options.pidFile, { force: true });
  return pid !== undefined;
}

function processState(pid: number): string {
  try {
    return /\)\s(\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1] ?? '';
  } catch {
    return '';
  }
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    // macOS has no /proc.
    return spawnSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout ?? '';
  }
}
