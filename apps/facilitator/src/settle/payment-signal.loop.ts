import { PostgresSession } from '@quittance/messaging';
import type { Logger } from '@quittance/observability';
import type { PaymentId } from '@quittance/protocol';

import { Repeating } from '../loop/repeating.loop.js';
import type { PaymentWaiter } from './payment-waiter.adapter.js';

/** The channel that a trigger on `facilitator.payment` notifies, with the payment's id. */
const channel = 'quittance_facilitator_payment';
const reconnectMs = 250;

/** Hears of changed payments, whichever replica changed them: one LISTEN connection a process. */
export class PaymentSignal {
  readonly #loop: Repeating;
  /** Also for a connection that is only being made when we close. */
  readonly #closing = new AbortController();

  constructor(
    private readonly databaseUrl: string,
    private readonly waiter: Pick<PaymentWaiter, 'notify' | 'notifyAll'>,
    logger: Logger,
  ) {
    this.#loop = new Repeating({
      name: 'payment signal',
      logger,
      restMs: reconnectMs,
      step: () => this.#listen(),
    });
  }

  start(): void {
    this.#loop.start();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#loop.close();
  }

  async #listen(): Promise<'again'> {
    const session = await PostgresSession.open({
      url: this.databaseUrl,
      applicationName: 'quittance_facilitator_signal',
    });
    try {
      await session.listen(channel, (payload) => this.waiter.notify(payload as PaymentId));
      // What changed while nobody listened was not heard.
      this.waiter.notifyAll();
      await aborted(AbortSignal.any([session.lost, this.#closing.signal]));
    } finally {
      await session.close();
    }
    return 'again';
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
