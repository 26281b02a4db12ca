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
  #session: PostgresSession | undefined;

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
    const closed = this.#loop.close();
    await this.#session?.close();
    await closed;
  }

  async #listen(): Promise<'again'> {
    const session = await PostgresSession.open({
      url: this.databaseUrl,
      applicationName: 'quittance_facilitator_signal',
    });
    this.#session = session;
    try {
      await session.listen(channel, (payload) => this.waiter.notify(payload as PaymentId));
      // What changed while nobody listened was not heard.
      this.waiter.notifyAll();
      await lost(session.lost);
    } finally {
      this.#session = undefined;
      await session.close();
    }
    return 'again';
  }
}

function lost(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
