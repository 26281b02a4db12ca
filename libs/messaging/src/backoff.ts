import { setTimeout as sleep } from 'node:timers/promises';

export type Backoff = { readonly firstMs: number; readonly maxMs: number };

const jitterShare = 0.2;

/** How long to wait before try `attempt` + 1: doubling, bounded, and spread so that replicas do not march in step. */
export function backoffMs(backoff: Backoff, attempt: number): number {
  const doubled = Math.min(backoff.firstMs * 2 ** Math.min(attempt, 20), backoff.maxMs);
  return Math.round(doubled * (1 - jitterShare * Math.random()));
}

/** Waits, or returns at once when `signal` aborts. */
export async function pause(waitMs: number, signal: AbortSignal): Promise<void> {
  // A timer of no time still takes a millisecond.
  if (signal.aborted || waitMs <= 0) return;
  await sleep(waitMs, undefined, { signal, ref: true }).catch((fault: unknown) => {
    if (!signal.aborted) throw fault;
  });
}

/** Whether `work` ended within `limitMs`; it goes on otherwise. Its fault is not this function's business. */
export async function settledWithin(work: Promise<unknown>, limitMs: number): Promise<boolean> {
  const timer = new AbortController();
  const done = work.then(
    () => true,
    () => true,
  );
  const late = sleep(limitMs, false, { signal: timer.signal }).catch(() => false);
  const inTime = await Promise.race([done, late]);
  timer.abort();
  return inTime;
}
