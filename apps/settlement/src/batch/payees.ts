import type { Hex } from '../payment/payment.js';

const payeesMax = 100_000;

/** Accounts that are known to have received a token: transfers to them take less gas. Forgets the oldest first. */
export class KnownPayees {
  private readonly known = new Set<string>();

  has({ asset, payTo }: { readonly asset: Hex; readonly payTo: Hex }): boolean {
    return this.known.has(`${asset}${payTo}`);
  }

  note({ asset, payTo }: { readonly asset: Hex; readonly payTo: Hex }): void {
    this.known.add(`${asset}${payTo}`);
    if (this.known.size <= payeesMax) return;
    const [oldest] = this.known;
    if (oldest !== undefined) this.known.delete(oldest);
  }
}
