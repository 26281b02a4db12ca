import type { PaymentId } from '@quittance/protocol';

import { isDecided, type Payment } from '../payment/payment.js';
import { PaymentUnseenError } from './payment-unseen.error.js';

export type PaymentWaiterOptions = {
  readonly findMany: (ids: readonly PaymentId[]) => Promise<readonly Payment[]>;
  readonly waitMs: number;
  readonly pollIntervalMs?: number;
};

/** How late an outcome can be when its notification was lost with a connection. */
const pollIntervalDefaultMs = 1_000;
const loadMax = 1_000;
/** A caller whose time is up still waits for a word of the registry, but not longer than this. */
const wordMaxMs = 3_000;

type Waiting = {
  seen: Payment | undefined;
  fault: unknown;
  readonly ends: Set<() => void>;
  /** The next word of the registry, whether a payment or a fault. */
  looked: PromiseWithResolvers<void>;
  heard: boolean;
};

/**
 * Lets any number of callers wait for payments to be decided. One query at a time looks up whatever changed,
 * for all of them.
 */
export class PaymentWaiter {
  readonly #options: PaymentWaiterOptions;
  readonly #waiting = new Map<PaymentId, Waiting>();
  readonly #changed = new Set<PaymentId>();
  #poll: NodeJS.Timeout | undefined;
  #loading = false;
  #closed = false;

  constructor(options: PaymentWaiterOptions) {
    this.#options = options;
  }

  /**
   * Gives the payment once it is decided, or as it was last seen when the time is up.
   *
   * @throws the registry's fault when the payment could never be looked up.
   */
  async wait(id: PaymentId): Promise<Payment> {
    const waiting = this.#enter(id);
    this.notify(id);
    await this.#end(waiting, this.#closed ? 0 : this.#options.waitMs);
    await word(waiting);
    if (waiting.seen !== undefined && !isDecided(waiting.seen)) await this.#lookAgain(id, waiting);
    if (waiting.ends.size === 0 && this.#waiting.get(id) === waiting) this.#waiting.delete(id);
    if (waiting.seen !== undefined) return waiting.seen;
    throw waiting.fault ?? new PaymentUnseenError(id);
  }

  /** Only outcomes are announced: the hash of a transaction on its way is found by looking. */
  async #lookAgain(id: PaymentId, waiting: Waiting): Promise<void> {
    // Callers whose time is up together share one look.
    if (waiting.heard) {
      waiting.heard = false;
      waiting.looked = Promise.withResolvers();
    }
    this.notify(id);
    await word(waiting);
  }

  /** The payment may have changed. */
  notify(id: PaymentId): void {
    if (!this.#waiting.has(id)) return;
    this.#changed.add(id);
    if (!this.#loading) void this.#load();
  }

  /** Anything may have changed. */
  notifyAll(): void {
    for (const id of this.#waiting.keys()) this.#changed.add(id);
    if (!this.#loading) void this.#load();
  }

  start(): void {
    this.#poll = setInterval(() => this.notifyAll(), this.#options.pollIntervalMs ?? pollIntervalDefaultMs);
  }

  /** Ends all waits: the callers are answered with what is known. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#poll);
    for (const { ends } of this.#waiting.values()) for (const end of ends) end();
  }

  #enter(id: PaymentId): Waiting {
    const present = this.#waiting.get(id);
    if (present !== undefined) return present;
    const waiting: Waiting = {
      seen: undefined,
      fault: undefined,
      ends: new Set(),
      looked: Promise.withResolvers(),
      heard: false,
    };
    this.#waiting.set(id, waiting);
    return waiting;
  }

  /** Until the payment is decided, the service closes or the time is up. */
  #end({ ends }: Waiting, timeMs: number): Promise<void> {
    return new Promise<void>((resolve) => {
      const timer = setTimeout(end, timeMs);
      function end(): void {
        clearTimeout(timer);
        ends.delete(end);
        resolve();
      }
      ends.add(end);
    });
  }

  async #load(): Promise<void> {
    this.#loading = true;
    while (this.#changed.size > 0) {
      const ids = [...this.#changed].slice(0, loadMax);
      for (const id of ids) this.#changed.delete(id);
      try {
        for (const payment of await this.#options.findMany(ids)) this.#see(payment);
      } catch (fault) {
        // Not lost: the poll asks again, and a caller whose payment was never seen is told of the fault.
        for (const id of ids) this.#note(id, fault);
      }
    }
    this.#loading = false;
  }

  #see(payment: Payment): void {
    const waiting = this.#waiting.get(payment.id);
    if (waiting === undefined) return;
    waiting.seen = payment;
    waiting.heard = true;
    waiting.looked.resolve();
    if (isDecided(payment)) for (const end of waiting.ends) end();
  }

  #note(id: PaymentId, fault: unknown): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    waiting.fault = fault;
    waiting.heard = true;
    waiting.looked.resolve();
  }
}

async function word({ looked }: Waiting): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeUp = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, wordMaxMs);
  });
  await Promise.race([looked.promise, timeUp]);
  clearTimeout(timer);
}
