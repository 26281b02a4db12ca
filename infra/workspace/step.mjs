import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { performance } from 'node:perf_hooks';

const heartbeatMs = 5_000;
const failureTailLines = 60;
/** What a command gets to end itself in an orderly way after a signal. */
const endGraceMs = 5_000;
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const parentPollMs = 200;
// npm passes a SIGTERM to the shell between it and us, and that ends without a word to us.
const npmShellPid = process.env.npm_lifecycle_event === undefined ? undefined : process.ppid;

/**
 * Runs one command as a visible step: its name, a line every few seconds, its time, and on failure what it said. Ends
 * this process with the command's exit code when it fails, and in any case when a signal stopped it.
 */
export async function step(title, command, options = {}) {
  process.stdout.write(`· ${title} …\n`);
  const started = performance.now();
  const heartbeat = setInterval(() => {
    process.stdout.write(`  ${title}: ${Math.round((performance.now() - started) / 1000)} s\n`);
  }, heartbeatMs);
  const { code, output, stoppedBy } = await run(command, { ...options, capture: true });
  clearInterval(heartbeat);
  const seconds = `${((performance.now() - started) / 1000).toFixed(1)} s`;
  if (stoppedBy !== undefined) {
    process.stdout.write(`✗ ${title} was stopped by ${stoppedBy} (${seconds})\n`);
    process.exit(exitCodeOf(stoppedBy));
  }
  if (code === 0) {
    process.stdout.write(`✓ ${title} (${seconds})\n`);
    return;
  }
  const tail = output.trimEnd().split('\n').slice(-failureTailLines).join('\n');
  process.stdout.write(
    `✗ ${title} failed with exit code ${code} (${seconds}): ${command.join(' ')}\n${tail}\n`,
  );
  process.exit(code);
}

/**
 * Runs a command, passing on the signals we get, and says how it ended and which signal stopped it, if one did. Its
 * output is ours unless captured; a captured command is a batch job, and a signal ends all that it started.
 */
export async function run([file, ...args], { env = process.env, cwd, capture = false, ipc = false } = {}) {
  const output = [];
  const stdio = capture ? ['ignore', 'pipe', 'pipe'] : ['inherit', 'inherit', 'inherit'];
  let child;
  let stoppedBy;
  let patience;
  const forward = (signal) => {
    stoppedBy ??= signal;
    // Ours is to wait: the child decides how long an orderly end takes.
    if (!capture) return void child.kill(signal);
    signalGroup(child, signal);
    patience ??= setTimeout(() => signalGroup(child, 'SIGKILL'), endGraceMs);
  };
  // Before the command is there: a signal that came in between would end us, and not what we had just started.
  for (const signal of signals) process.on(signal, forward);
  const orphaned = setInterval(() => {
    if (npmShellPid === undefined || process.ppid === npmShellPid) return;
    clearInterval(orphaned);
    forward('SIGTERM');
  }, parentPollMs);
  try {
    // A group of its own is what reaches the children of npm and of the tools. It is not the terminal's any more, so it
    // must not read from there.
    child = spawn(file, args, {
      env,
      cwd,
      stdio: [...stdio, ...(ipc ? ['ipc'] : [])],
      detached: capture,
    });
    child.stdout?.on('data', (chunk) => output.push(chunk));
    child.stderr?.on('data', (chunk) => output.push(chunk));
    const [code, signal] = await new Promise((resolve) => {
      child.once('error', (fault) => {
        output.push(Buffer.from(`${fault.message}\n`));
        resolve([127, null]);
      });
      child.once('close', (...end) => resolve(end));
    });
    // What the command itself left behind has had its chance.
    if (capture && stoppedBy !== undefined) signalGroup(child, 'SIGKILL');
    return {
      code: code ?? exitCodeOf(signal),
      signal,
      stoppedBy,
      output: Buffer.concat(output).toString('utf8'),
    };
  } finally {
    clearTimeout(patience);
    clearInterval(orphaned);
    for (const signal of signals) {
      // Who was stopped is about to end: another signal must not take the exit code from it.
      if (stoppedBy !== undefined) process.on(signal, () => undefined);
      process.off(signal, forward);
    }
  }
}

function exitCodeOf(signal) {
  return 128 + (constants.signals[signal] ?? 0);
}

function signalGroup(child, signal) {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (fault) {
    // Nobody is left in it, or this system has no groups: then the child is all we can reach.
    if (fault.code !== 'ESRCH') throw fault;
    child.kill(signal);
  }
}
