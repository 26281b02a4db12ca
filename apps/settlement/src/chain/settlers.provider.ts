import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { ChainId } from '@quittance/money';

import type { Log } from '../loop/wakeable.loop.js';
import type { Payment } from '../payment/payment.js';
import type { ChainSettler } from './chain-settler.loop.js';

/** The settlers of all configured chains. */
@Injectable()
export class Settlers implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(
    private readonly byChain: ReadonlyMap<ChainId, ChainSettler>,
    private readonly log: Log,
  ) {}

  onApplicationBootstrap(): void {
    for (const settler of this.byChain.values()) settler.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all([...this.byChain.values()].map((settler) => settler.close()));
  }

  /** A payment is on its way into the queue of its chain. */
  foresee(payment: Payment): void {
    this.byChain.get(payment.chainId)?.foresee(payment);
  }

  /** There is something new in the queues of these chains. */
  wake(chainIds: Iterable<ChainId>): void {
    for (const chainId of chainIds) {
      const settler = this.byChain.get(chainId);
      if (settler === undefined) {
        this.log.warn({ chainId }, 'a payment is for a chain that NETWORKS does not list; it stays queued');
      }
      settler?.wake();
    }
  }
}
