import { withTimeout } from './timeout.js';

/** One thing a service cannot work without: `check` resolves when it answered. */
export type HealthCheck = { readonly name: string; readonly check: () => Promise<void> };

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
  return {
    status: results.every(([, result]) => result.status === 'up') ? 'ready' : 'unavailable',
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
