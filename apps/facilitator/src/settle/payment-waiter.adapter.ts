import type { PaymentId } from '@quittance/protocol';

import { isDecided, type Payment } from '../payment/payment.js';
import { PaymentUnseenError } from './payment-unseen.error.js';
import type { ExpectedPayment } from './settle.js';

export type PaymentWaiterOptions = {
  readonly findMany: (ids: readonly PaymentId[]) => Promise<readonly Payment[]>;
  readonly waitMs: number;
  readonly pollIntervalMs?: number;
  /** Told how long each caller waited. */
  readonly onWaited?: (waitedMs: number) => void;
};

/** A payment that nothing was heard of is looked at after one to two of these: its notification may have been lost. */
const pollIntervalDefaultMs = 1_000;
const loadMax = 1_000;
/** A caller whose time is up still waits for a word of the registry, but not longer than this. */
const wordMaxMs = 3_000;

type Waiting = {
  seen: Payment | undefined;
  fault: unknown;
  callers: number;
  readonly ends: Set<() => void>;
  /** The next word of the registry, whether a payment or a fault. */
  looked: PromiseWithResolvers<void>;
  heard: boolean;
  /** Looked at, or begun, since the last poll. */
  isRecent: boolean;
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
    return this.#outcome(id, waiting);
  }

  /** Listens from now on for a payment that is not there yet, and so need not be looked up until something is heard. */
  expect(id: PaymentId): ExpectedPayment {
    const waiting = this.#enter(id);
    return {
      wait: () => this.#outcome(id, waiting),
      drop: () => this.#leave(id, waiting),
    };
  }

  /** Payments as they are now in the registry: whoever waits for them here need not look. */
  tell(payments: readonly Payment[]): void {
    for (const payment of payments) {
      if (isDecided(payment)) this.#see(payment);
    }
  }

  /** The payment may have changed. */
  notify(id: PaymentId): void {
    if (!this.#waiting.has(id)) return;
    this.#changed.add(id);
    this.#load();
  }

  /** Anything may have changed. */
  notifyAll(): void {
    for (const id of this.#waiting.keys()) this.#changed.add(id);
    this.#load();
  }

  start(): void {
    this.#poll = setInterval(() => this.#lookAtOld(), this.#options.pollIntervalMs ?? pollIntervalDefaultMs);
  }

  /** Ends all waits: the callers are answered with what is known. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#poll);
    for (const { ends } of this.#waiting.values()) for (const end of ends) end();
  }

  async #outcome(id: PaymentId, waiting: Waiting): Promise<Payment> {
    const begunAt = performance.now();
    try {
      if (!isOver(waiting)) await this.#end(waiting, this.#closed ? 0 : this.#options.waitMs);
      if (!isOver(waiting)) await this.#lookAgain(id, waiting);
    } finally {
      this.#leave(id, waiting);
      this.#options.onWaited?.(performance.now() - begunAt);
    }
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

  #lookAtOld(): void {
    for (const [id, waiting] of this.#waiting) {
      if (!waiting.isRecent) this.#changed.add(id);
      waiting.isRecent = false;
    }
    this.#load();
  }

  #enter(id: PaymentId): Waiting {
    const waiting = this.#waiting.get(id) ?? {
      seen: undefined,
      fault: undefined,
      callers: 0,
      ends: new Set(),
      looked: Promise.withResolvers(),
      heard: false,
      isRecent: true,
    };
    waiting.callers += 1;
    this.#waiting.set(id, waiting);
    return waiting;
  }

  #leave(id: PaymentId, waiting: Waiting): void {
    waiting.callers -= 1;
    if (waiting.callers === 0) this.#waiting.delete(id);
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

  /** After this turn, so that what one turn announces is looked up together. */
  #load(): void {
    if (this.#loading || this.#changed.size === 0) return;
    this.#loading = true;
    setImmediate(() => void this.#loadAll());
  }

  async #loadAll(): Promise<void> {
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
    hear(waiting);
    if (isDecided(payment)) for (const end of waiting.ends) end();
  }

  #note(id: PaymentId, fault: unknown): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    waiting.fault = fault;
    hear(waiting);
  }
}

function hear(waiting: Waiting): void {
  waiting.heard = true;
  waiting.isRecent = true;
  waiting.looked.resolve();
}

function isOver({ seen }: Waiting): boolean {
  return seen !== undefined && isDecided(seen);
}

async function word({ looked }: Waiting): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeUp = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, wordMaxMs);
  });
  await Promise.race([looked.promise, timeUp]);
  clearTimeout(timer);
}
