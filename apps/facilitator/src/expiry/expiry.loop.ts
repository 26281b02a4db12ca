import type { Logger } from '@quittance/observability';
import type { ChainId } from '@quittance/money';

import type { FacilitatorChain } from '../chain/facilitator-chain.adapter.js';
import { Repeating } from '../loop/repeating.loop.js';
import type { PaymentChanges } from '../payment/payment-change.repository.js';
import { type ExpiryCursor, nextCursor, provenExpired, provingBlock } from './expiry.js';

const intervalMs = 5_000;
const pageMax = 100;

export type ExpirerOptions = {
  readonly chains: readonly FacilitatorChain[];
  readonly payments: PaymentChanges;
  readonly logger: Logger;
  readonly intervalMs?: number;
};

/** Releases reservations that the chain proves can never land; one loop a chain, so that one that is down stops no other. */
export class Expirer {
  readonly #loops: readonly Repeating[];
  readonly #cursors = new Map<ChainId, ExpiryCursor | null>();

  constructor(private readonly options: ExpirerOptions) {
    this.#loops = options.chains.map(
      (chain) =>
        new Repeating({
          name: `expiry on ${chain.chainId}`,
          logger: options.logger,
          restMs: options.intervalMs ?? intervalMs,
          step: () => this.#step(chain),
        }),
    );
  }

  start(): void {
    for (const loop of this.#loops) loop.start();
  }

  async close(): Promise<void> {
    await Promise.all(this.#loops.map((loop) => loop.close()));
  }

  async #step(chain: FacilitatorChain): Promise<'again'> {
    const { payments, logger } = this.options;
    const { chainId } = chain;
    const block = await provingBlock(chain);
    if (block === null) return 'again';
    const after = this.#cursors.get(chainId) ?? null;
    const page = await payments.expiring({ chainId, time: block.time, after, limit: pageMax });
    const proven = await provenExpired(chain, block, page);
    const expired = await payments.expire(
      proven.map(({ id }) => id),
      block,
    );
    this.#cursors.set(chainId, nextCursor(page, pageMax));
    if (expired.length > 0) logger.info({ chainId, paymentIds: expired }, 'payments expired');
    return 'again';
  }
}
