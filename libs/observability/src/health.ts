import { withTimeout } from './timeout.js';

/** One thing a service needs: `check` resolves when it answered. */
export type HealthCheck = {
  readonly name: string;
  readonly check: () => Promise<void>;
  /**
   * Without it the service is unavailable, unless told that it stays ready: what it still can do, the cure among it,
   * must be in reach.
   */
  readonly whenDown?: 'unavailable' | 'ready';
};

export type CheckResult = { readonly status: 'up' } | { readonly status: 'down'; readonly reason: string };

export type Readiness = {
  readonly status: 'ready' | 'unavailable';
  readonly checks: Readonly<Record<string, CheckResult>>;
};

export const checkTimeoutMs = 2_000;

/** Asks everything at once, each within the time-out. */
export async function readiness(
  checks: readonly HealthCheck[],
  timeoutMs: number = checkTimeoutMs,
): Promise<Readiness> {
  const results = await Promise.all(checks.map((check) => run(check, timeoutMs)));
  const isReady = checks.every(
    ({ whenDown }, index) => whenDown === 'ready' || results[index]?.[1].status === 'up',
  );
  return {
    status: isReady ? 'ready' : 'unavailable',
    checks: Object.fromEntries(results),
  };
}

async function run({ name, check }: HealthCheck, timeoutMs: number): Promise<readonly [string, CheckResult]> {
  try {
    await withTimeout(check(), timeoutMs);
    return [name, { status: 'up' }];
  } catch (error) {
    return [name, { status: 'down', reason: reasonOf(error) }];
  }
}

/** A stable code and no message: probes are open to anyone, and messages name hosts. */
function reasonOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : 'unexpected_error';
}
