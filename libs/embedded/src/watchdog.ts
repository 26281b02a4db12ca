import { spawn } from 'node:child_process';

/** What outlives us to clean up, should we die without doing it ourselves. */
export type Watchdog = {
  /** Call once the thing watched has been stopped properly. */
  readonly dismiss: () => void;
};

/**
 * Runs a shell script if, and only if, this process dies (SIGKILL included) before `dismiss`. The shell blocks on
 * a pipe of which we hold the only other end: the kernel closes it with us, which no exit handler can promise.
 */
export function startWatchdog(script: string, args: readonly string[]): Watchdog {
  const child = spawn(
    '/bin/sh',
    ['-c', `trap '' HUP INT TERM\nread -r _ && exit 0\n${script}`, 'watchdog', ...args],
    {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      cwd: '/',
    },
  );
  child.on('error', () => {
    // No /bin/sh here: the next start still cleans up by pid file.
  });
  child.stdin.on('error', () => {
    // The watchdog is gone already; nothing left to tell it.
  });
  child.unref();
  // A pipe is a socket in Node; unref it, or it would keep a finished process waiting.
  (child.stdin as unknown as { unref: () => void }).unref();
  return {
    dismiss: () => {
      child.stdin.end('dismissed\n');
    },
  };
}
