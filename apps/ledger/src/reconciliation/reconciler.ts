import type { ChainId } from '@quittance/money';

import type { OwnWallets } from './cause.js';
import type { ChainPage, ChainReader } from './chain-reader.js';
import { type BooksLookup, compare, type Comparison } from './comparison.js';
import { type BookedMovement, byPlace, type ChainMovement, placeKey } from './movement.js';
import type { BlockRange, SeenTransaction } from './seen.js';

/** What is asked of the books. */
export type Books = {
  logsIn(chainId: ChainId, range: BlockRange): Promise<readonly BookedMovement[]>;
  logsOf(chainId: ChainId, transactions: readonly string[]): Promise<readonly BookedMovement[]>;
  nativeBy(
    chainId: ChainId,
    wallets: readonly string[],
    seen: readonly SeenTransaction[],
  ): Promise<readonly BookedMovement[]>;
};

export type BooksAsked = {
  merchants(chainId: ChainId): Promise<readonly string[]>;
  payers(chainId: ChainId, addresses: readonly string[]): Promise<ReadonlySet<string>>;
  awaiting(chainId: ChainId, movement: ChainMovement): Promise<string | null>;
  refunded(chainId: ChainId, movement: ChainMovement): Promise<{ readonly paymentId: string | null } | null>;
};

export type ReconcilerOptions = {
  readonly chainId: ChainId;
  readonly reader: ChainReader;
  readonly books: Books;
  readonly asked: BooksAsked;
};

/** Wallets of ours, and from which block on each asset of them is accounted for, by `walletKey`. */
export type AccountedWallets = { readonly own: OwnWallets; readonly since: ReadonlyMap<string, bigint> };

export type Compared = {
  readonly comparison: Comparison;
  readonly seen: readonly SeenTransaction[];
  readonly times: ReadonlyMap<bigint, Date>;
};

const millisecondsPerSecond = 1_000;

/** Compares the books with one chain: some blocks of it, or some transactions. Changes nothing. */
export class Reconciler {
  constructor(private readonly options: ReconcilerOptions) {}

  async blocks(range: BlockRange, wallets: AccountedWallets, wanted: ReadonlySet<string>) {
    const { chainId, reader, books, asked } = this.options;
    const [logs, merchants] = await Promise.all([books.logsIn(chainId, range), asked.merchants(chainId)]);
    const expected = [
      ...new Set(logs.flatMap(({ place }) => (place.transaction === '' ? [] : [place.transaction]))),
    ];
    const own = [...wallets.own.keys()];
    // The oldest one that is asked for: what is there of it is there of those after it.
    const withStates = await reader.hasStates(range.fromBlock - 1n);
    const page = await reader.page({ ...range, own, watched: merchants, expected, withStates });
    const compared = await this.compared(page, logs, { wallets, wanted, unread: [] });
    return { ...compared, last: page.last, movements: page.movements.length };
  }

  /**
   * Transactions by themselves, as the chain has them up to a block. Of those that are in a later block nothing is said;
   * those that are in none are compared where they were last seen.
   */
  async transactions(
    hashes: readonly string[],
    {
      wallets,
      wanted,
      upTo,
      lastSeen,
    }: {
      readonly wallets: AccountedWallets;
      readonly wanted: ReadonlySet<string>;
      readonly upTo: bigint;
      readonly lastSeen: readonly SeenTransaction[];
    },
  ): Promise<Compared & { readonly said: readonly string[]; readonly gone: readonly string[] }> {
    const { chainId, reader, books } = this.options;
    const page = await reader.transactions(hashes, [...wallets.own.keys()]);
    const later = new Set(
      page.seen.filter(({ block }) => block > upTo).map(({ transaction }) => transaction),
    );
    const said = hashes.filter((hash) => !later.has(hash));
    const isSaid = ({ place }: { readonly place: { readonly transaction: string } }): boolean =>
      !later.has(place.transaction);
    const logs = (await books.logsOf(chainId, said)).filter(isSaid);
    const there = new Set(page.seen.map(({ transaction }) => transaction));
    const gone = said.filter((hash) => !there.has(hash));
    const known = new Map(lastSeen.map((one) => [one.transaction, one]));
    const unread = gone.map((hash) => known.get(hash) ?? nowhere(hash));
    const cut = {
      movements: page.movements.filter(isSaid),
      seen: page.seen.filter(({ transaction }) => !later.has(transaction)),
    };
    return { ...(await this.compared(cut, logs, { wallets, wanted, unread })), said, gone };
  }

  private async compared(
    page: ChainPage,
    logs: readonly BookedMovement[],
    {
      wallets,
      wanted,
      unread,
    }: {
      readonly wallets: AccountedWallets;
      readonly wanted: ReadonlySet<string>;
      readonly unread: readonly SeenTransaction[];
    },
  ): Promise<Compared> {
    const { chainId, books } = this.options;
    const { own } = wallets;
    const native = await books.nativeBy(chainId, [...own.keys()], [...page.seen, ...unread]);
    const booked = [...logs, ...native].sort((a, b) => byPlace(a.place, b.place));
    const hashes = await this.hashesOf(page, booked);
    const comparison = await compare(page.movements, booked, {
      chainId,
      own,
      isAccounted: (movement) => isAccounted(movement, wallets),
      hashAt: (block) => hashes.get(block) ?? null,
      lookup: this.lookup(own),
      wanted,
    });
    const times = await this.timesOf(comparison);
    return { comparison, seen: page.seen, times };
  }

  /** The chain's hashes of the blocks that the books name: of those that the page has nothing of they are asked for. */
  private async hashesOf(page: ChainPage, booked: readonly BookedMovement[]) {
    const hashes = new Map<bigint, string | null>([[nowhereBlock, '']]);
    for (const { place } of page.movements) hashes.set(place.block, place.blockHash);
    const places = new Set(page.movements.map(({ place }) => placeKey(place)));
    for (const { place } of booked) {
      if (hashes.has(place.block) || places.has(placeKey(place))) continue;
      hashes.set(place.block, (await this.options.reader.block(place.block))?.hash ?? null);
    }
    return hashes;
  }

  private async timesOf({ observed }: Comparison): Promise<Map<bigint, Date>> {
    const times = new Map<bigint, Date>();
    for (const { movement } of observed) {
      const { block: number } = movement.place;
      if (times.has(number)) continue;
      const block = await this.options.reader.block(number);
      if (block !== null) times.set(number, new Date(Number(block.time) * millisecondsPerSecond));
    }
    return times;
  }

  private lookup(own: OwnWallets): BooksLookup {
    const { chainId, reader, asked } = this.options;
    return {
      payers: async (addresses) => asked.payers(chainId, addresses),
      awaiting: async (movement) => asked.awaiting(chainId, movement),
      refunded: async (movement) => asked.refunded(chainId, movement),
      inFull: async (transaction) => (await reader.transactions([transaction], [...own.keys()])).movements,
    };
  }
}

/** Below any block: where a transaction is that no node knows. */
const nowhereBlock = -1n;
const nowhere = (transaction: string): SeenTransaction => ({
  transaction,
  block: nowhereBlock,
  blockHash: '',
});

export const walletKey = (address: string, asset: string): string => `${address} ${asset}`;

/** Movements of wallets of ours count from their opening on; those of others always do. */
function isAccounted({ from, to, asset, place }: ChainMovement, { own, since }: AccountedWallets): boolean {
  return [from, to].every((address) => {
    if (!own.has(address)) return true;
    const first = since.get(walletKey(address, asset));
    return first !== undefined && place.block >= first;
  });
}
