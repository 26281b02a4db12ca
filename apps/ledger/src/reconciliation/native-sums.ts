import { type ChainId, evmNativeAssetId } from '@quittance/money';

import { type ChainMovement, nativePart, outside, type Role } from './movement.js';
import type { SeenTransaction } from './seen.js';

/** A transaction by which native coin moved. */
export type CoinTransaction = {
  readonly hash: string;
  readonly from: string;
  readonly to: string | null;
  readonly block: bigint;
  readonly blockHash: string;
};

type Sum = { readonly by: CoinTransaction; readonly net: bigint; readonly fee: bigint };

/** What transactions added to the native coin of wallets of ours, and took from it. */
export class NativeSums {
  readonly #sums = new Map<string, Map<string, Sum>>();

  constructor(
    private readonly chainId: ChainId,
    private readonly own: ReadonlySet<string>,
  ) {}

  isOwn(address: string): boolean {
    return this.own.has(address);
  }

  has(transaction: string): boolean {
    return [...this.#sums.values()].some((sums) => sums.has(transaction));
  }

  spend(
    wallet: string,
    by: CoinTransaction,
    { fee, value }: { readonly fee: bigint; readonly value: bigint },
  ): void {
    this.#note(wallet, { by, net: -fee - value, fee });
  }

  add(wallet: string, by: CoinTransaction, value: bigint): void {
    this.#note(wallet, { by, net: value, fee: 0n });
  }

  /** All of a wallet, up to a block. */
  upTo(wallet: string, block: bigint): bigint {
    let sum = 0n;
    for (const { by, net } of this.#sums.get(wallet)?.values() ?? []) if (by.block <= block) sum += net;
    return sum;
  }

  seen(): SeenTransaction[] {
    return [...this.#sums.values()].flatMap((sums) =>
      [...sums.values()].map(({ by }) => ({
        transaction: by.hash,
        block: by.block,
        blockHash: by.blockHash,
      })),
    );
  }

  movements(): ChainMovement[] {
    return [...this.#sums].flatMap(([wallet, sums]) =>
      [...sums.values()].filter(({ net }) => net !== 0n).map((sum) => this.#movement(wallet, sum)),
    );
  }

  #note(wallet: string, sum: Sum): void {
    const sums = this.#sums.get(wallet) ?? new Map<string, Sum>();
    const known = sums.get(sum.by.hash);
    sums.set(sum.by.hash, {
      by: sum.by,
      net: (known?.net ?? 0n) + sum.net,
      fee: (known?.fee ?? 0n) + sum.fee,
    });
    this.#sums.set(wallet, sums);
  }

  #movement(wallet: string, { by, net, fee }: Sum): ChainMovement {
    const parties = net < 0n ? { from: wallet, to: outside } : { from: outside, to: wallet };
    return {
      place: {
        block: by.block,
        blockHash: by.blockHash,
        transaction: by.hash,
        part: nativePart(wallet),
      },
      role: this.#roleOf(wallet, { by, net, fee }),
      asset: evmNativeAssetId(this.chainId),
      ...parties,
      amount: net < 0n ? -net : net,
      nonce: null,
      fee,
      awaitedBy: null,
    };
  }

  /** What a wallet of ours spends is a top-up where all of it but the fee reaches another one. */
  #roleOf(wallet: string, { by, net, fee }: Sum): Role {
    const isBetweenOwn = this.own.has(by.from) && by.to !== null && this.own.has(by.to) && by.from !== by.to;
    const movesCoin = net > 0n || -net > fee;
    if (isBetweenOwn && movesCoin) return 'topup';
    return net > 0n && by.from !== wallet ? 'inbound' : 'own';
  }
}
