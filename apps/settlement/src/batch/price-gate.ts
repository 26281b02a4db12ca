import type { Fees } from '@quittance/chain';

import type { FeeBook } from './fee-book.js';

export type PriceGateOptions = {
  readonly fees: Pick<FeeBook, 'capped'>;
  /** Called after each look. */
  readonly onPrice: (price: { readonly aboveCap: boolean }) => void;
};

/** How often the price is looked at though nothing is to be signed: a chain that is too dear must not be offered. */
const idleCheckIntervalMs = 5_000;
const aboveCheckIntervalMs = 2_000;

/** Keeps new batches back while the chain's gas costs more than may be paid. */
export class PriceGate {
  private above = false;
  private checkedAtMs = -Infinity;

  constructor(private readonly options: PriceGateOptions) {}

  get isAbove(): boolean {
    return this.above;
  }

  /** Looks at the price now and then. */
  async check(): Promise<void> {
    const intervalMs = this.isAbove ? aboveCheckIntervalMs : idleCheckIntervalMs;
    if (performance.now() - this.checkedAtMs >= intervalMs) await this.fees();
  }

  async fees(): Promise<Fees | 'above_cap'> {
    const fees = await this.options.fees.capped();
    this.checkedAtMs = performance.now();
    this.above = fees === 'above_cap';
    this.options.onPrice({ aboveCap: this.above });
    return fees;
  }
}
