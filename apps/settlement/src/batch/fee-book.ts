import { cappedBy, type Fees } from '@quittance/chain';

import type { SettlementChain } from '../chain/settlement-chain.js';

/** How old fees may get on a chain that makes no blocks. */
const lifetimeMs = 2_000;

/** What to pay now: asked for once a block, however many batches are signed in it. */
export class FeeBook {
  private head: bigint | null = null;
  private askedAt: { readonly head: bigint | null; readonly ms: number } | null = null;
  private asked: Promise<Fees> | null = null;
  private known: Fees | null = null;

  constructor(private readonly chain: Pick<SettlementChain, 'network' | 'fees'>) {}

  /** What was known last, null before the first answer. */
  get latest(): Fees | null {
    return this.known;
  }

  noteHead(head: bigint): void {
    this.head = head;
  }

  /** The fees, within the network's cap; `above_cap` when nothing would be mined for that. */
  async capped(): Promise<Fees | 'above_cap'> {
    return cappedBy(await this.uncapped(), this.chain.network.gasPriceMaxWei);
  }

  /** @throws ChainUnavailableError. */
  uncapped(): Promise<Fees> {
    const nowMs = performance.now();
    const { askedAt } = this;
    const fresh = askedAt !== null && askedAt.head === this.head && nowMs - askedAt.ms < lifetimeMs;
    if (fresh && this.asked !== null) return this.asked;
    const asked = this.chain.fees();
    this.askedAt = { head: this.head, ms: nowMs };
    this.asked = asked;
    asked.then(
      (fees) => {
        this.known = fees;
      },
      () => {
        if (this.asked === asked) this.asked = null;
      },
    );
    return asked;
  }
}
