import { writeSync } from 'node:fs';

import { ConfigError, type Environment } from './settings.js';

const standardError = 2;
const setting = 'CRASH_AT';
const form = /^(?<name>[a-z][a-z0-9._-]{0,99})(?::(?<nth>[1-9][0-9]{0,8}))?$/;

/** A step after which a process may die, as in `attempt.stored`: lower-case letters, digits, `.`, `_` and `-`. */
export type CrashPointName = Lowercase<string>;

type ArmedPoint = { readonly name: string; passesLeft: number };

let armed: ArmedPoint | undefined;

/**
 * Marks a place between two steps where a test may have the process killed. Does nothing unless
 * {@link armCrashPoint} armed that name.
 *
 * @example
 * await attempts.store(signed);
 * crashPoint('attempt.stored');
 * await broadcast(signed);
 */
export function crashPoint(name: CrashPointName): void {
  if (armed !== undefined && armed.name === name) pass(armed);
}

function pass(point: ArmedPoint): void {
  point.passesLeft -= 1;
  if (point.passesLeft > 0) return;
  try {
    writeSync(standardError, `crash point ${point.name}\n`);
  } finally {
    // Whether or not the line could be written: a test that waits for the end must get it.
    process.kill(process.pid, 'SIGKILL');
  }
}

/**
 * Arms the point that `CRASH_AT="<name>[:<nth>]"` names: the process kills itself the nth time (default: the first)
 * that it gets there. Without the setting nothing is armed. `runService` calls this once, at the start.
 *
 * @throws ConfigError when the setting is malformed, or `NODE_ENV` is not `test`.
 */
export function armCrashPoint(service: string, env: Environment): void {
  armed = undefined;
  const text = env[setting];
  if (text === undefined) return;
  if (env['NODE_ENV'] !== 'test') {
    throw new ConfigError(service, [
      `${setting}: kills the service and must be set only where NODE_ENV is test`,
    ]);
  }
  const { name, nth = '1' } = form.exec(text)?.groups ?? {};
  if (name === undefined) {
    throw new ConfigError(service, [
      `${setting}: must be the name of a crash point, and which time it kills, as in attempt.stored:2`,
    ]);
  }
  armed = { name, passesLeft: Number(nth) };
}
