import type { ChainReceipt, SettlementChain } from '../chain/settlement-chain.js';
import type { Hex } from '../payment/payment.js';

/** More than that are under way on slow chains only, where nobody waits for a round trip. */
const expectedMax = 4;

/**
 * Receipts of what was broadcast last, asked for together with a block's logs: mostly the next block holds those
 * transactions, and to ask once the logs say so would be one round trip more.
 */
export class EarlyReceipts {
  private readonly expected = new Set<Hex>();

  constructor(private readonly chain: Pick<SettlementChain, 'receipt'>) {}

  /** These were broadcast. */
  expect(transactions: readonly Hex[]): void {
    for (const hash of transactions) this.expected.add(hash);
    for (const hash of this.expected) {
      if (this.expected.size <= expectedMax) break;
      this.expected.delete(hash);
    }
  }

  /** The receipts that there are by now. A fault is none of theirs: whoever needs one asks for it by itself. */
  async read(): Promise<readonly ChainReceipt[]> {
    const hashes = [...this.expected];
    const asked = await Promise.allSettled(hashes.map((hash) => this.chain.receipt(hash)));
    const receipts = asked.flatMap((result) =>
      result.status === 'fulfilled' && result.value !== null ? [result.value] : [],
    );
    for (const { transaction } of receipts) this.expected.delete(transaction);
    return receipts;
  }
}
