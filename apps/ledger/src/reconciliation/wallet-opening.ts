import { type AssetId, type ChainId, evmNativeAssetId } from '@quittance/money';

import { type Line, move } from '../posting/line.js';
import { observedAccount, type OwnWallets, type WalletUse } from './cause.js';
import type { ChainReader } from './chain-reader.js';
import type { BookedMovement } from './movement.js';
import type { OwnWallet } from './own-wallet.repository.js';
import type { SeenTransaction } from './seen.js';

/** What the books know of a wallet before it is accounted for. */
export type WalletBooks = {
  balanceNow(account: string, asset: AssetId): Promise<bigint>;
  nativeTransactionsOf(chainId: ChainId, wallet: string): Promise<readonly string[]>;
  nativeBy(
    chainId: ChainId,
    wallets: readonly string[],
    seen: readonly SeenTransaction[],
  ): Promise<readonly BookedMovement[]>;
};

/** A wallet that begins to be accounted for, with what it held that the books do not have. */
export type Opening = OwnWallet & { readonly opening: bigint; readonly lines: readonly Line[] };

export type OpeningsWanted = {
  readonly chainId: ChainId;
  readonly own: OwnWallets;
  readonly known: readonly OwnWallet[];
  readonly firstBlock: bigint;
};

/**
 * Wallets of ours that are not accounted for yet, each asset by itself. What is posted with it makes the books equal the
 * chain after the block before the first; what the books have of later blocks does not count there.
 */
export async function openings(
  reader: Pick<ChainReader, 'assets' | 'balance' | 'blocksOf'>,
  books: WalletBooks,
  { chainId, own, known, firstBlock }: OpeningsWanted,
): Promise<Opening[]> {
  const native = evmNativeAssetId(chainId);
  const has = new Set(known.map(({ address, asset }) => `${address} ${asset}`));
  const opened: Opening[] = [];
  for (const [address, use] of own) {
    for (const asset of [native, ...reader.assets]) {
      if (has.has(`${address} ${asset}`)) continue;
      const onChain = await reader.balance(asset, address, firstBlock - 1n);
      const later = asset === native ? await bookedFrom(reader, books, { chainId, address, firstBlock }) : 0n;
      const account = observedAccount.wallet(chainId, use, address);
      const booked = (await books.balanceNow(account, asset)) - later;
      const opening = onChain - booked;
      const lines = openingLines({ chainId, use, address, asset, opening });
      opened.push({ address, use, asset, firstBlock, opening, lines });
    }
  }
  return opened;
}

/** What the books have of a wallet's native coin by transactions from a block on, or in no block yet. */
async function bookedFrom(
  reader: Pick<ChainReader, 'blocksOf'>,
  books: WalletBooks,
  {
    chainId,
    address,
    firstBlock,
  }: { readonly chainId: ChainId; readonly address: string; readonly firstBlock: bigint },
): Promise<bigint> {
  const transactions = await books.nativeTransactionsOf(chainId, address);
  const blocks = await reader.blocksOf(transactions);
  const later = transactions.flatMap((transaction): SeenTransaction[] => {
    const seen = blocks.get(transaction);
    if (seen === undefined) return [{ transaction, block: firstBlock, blockHash: '' }];
    return seen.block >= firstBlock ? [seen] : [];
  });
  const booked = await books.nativeBy(chainId, [address], later);
  return booked.reduce((sum, { to, amount }) => sum + (to === address ? amount : -amount), 0n);
}

function openingLines({
  chainId,
  use,
  address,
  asset,
  opening,
}: {
  readonly chainId: ChainId;
  readonly use: WalletUse;
  readonly address: string;
  readonly asset: AssetId;
  readonly opening: bigint;
}): Line[] {
  if (opening === 0n) return [];
  const account = observedAccount.wallet(chainId, use, address);
  return move({ to: account, from: observedAccount.opening, asset, layer: 'settled', amount: opening });
}
