import type { Logger } from '@quittance/observability';

import { Repeating } from '../loop/repeating.loop.js';
import type { PaymentIdentifiers } from './payment-identifier.repository.js';

const intervalMs = 10_000;

/** Forgets the ids whose time is over, so that what strangers send does not fill the database. */
export class Forgetter {
  readonly #loop: Repeating;

  constructor(identifiers: Pick<PaymentIdentifiers, 'forget'>, logger: Logger) {
    this.#loop = new Repeating({
      name: 'identifier forgetter',
      logger,
      restMs: intervalMs,
      step: async () => {
        while ((await identifiers.forget()) > 0);
        return 'again';
      },
    });
  }

  start(): void {
    this.#loop.start();
  }

  close(): Promise<void> {
    return this.#loop.close();
  }
}
