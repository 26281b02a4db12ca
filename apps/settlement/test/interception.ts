import { setTimeout as sleep } from 'node:timers/promises';

import type { SettlementChain } from '../src/chain/settlement-chain.js';

export async function until(
  holds: () => Promise<boolean>,
  { withinMs = 15_000, what }: { withinMs?: number; what: () => Promise<string> },
): Promise<void> {
  for (const end = performance.now() + withinMs; !(await holds()); await sleep(20)) {
    if (performance.now() > end) throw new Error(`not within ${withinMs} ms: ${await what()}`);
  }
}

/** A chain that can be made to keep one method's callers waiting. */
export function pausing() {
  let method: string | null = null;
  let open = Promise.withResolvers<void>();
  let reached = Promise.withResolvers<void>();
  return {
    wrap: (chain: SettlementChain) =>
      intercepted(chain, async (name, proceed) => {
        if (name === method) {
          reached.resolve();
          await open.promise;
        }
        return proceed();
      }),
    hold: (name: keyof SettlementChain) => {
      method = name;
      open = Promise.withResolvers<void>();
      reached = Promise.withResolvers<void>();
    },
    held: () => reached.promise,
    letGo: () => {
      method = null;
      open.resolve();
    },
  };
}

/** What asks no node. */
const synchronous: readonly (string | symbol)[] = ['endpointsHealth', 'watchHeads'];

/** A chain whose calls go through `intercept`, which may throw, change, or pass on by calling `proceed`. */
export function intercepted(
  chain: SettlementChain,
  intercept: (method: string, proceed: () => Promise<unknown>) => Promise<unknown>,
): SettlementChain {
  return new Proxy(chain, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (synchronous.includes(name)) return value.bind(target) as unknown;
      return (...args: unknown[]) =>
        intercept(String(name), async () => (await value.apply(target, args)) as unknown);
    },
  });
}
