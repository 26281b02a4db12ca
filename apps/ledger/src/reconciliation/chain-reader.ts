import type { AssetId } from '@quittance/money';

import type { BlockRange, SeenTransaction } from './seen.js';
import type { ChainMovement } from './movement.js';

export type BlockRef = { readonly number: bigint; readonly hash: string; readonly time: bigint };

export type PageQuestion = BlockRange & {
  /** Wallets of ours. */
  readonly own: readonly string[];
  /** Others whose transfers may concern the books. */
  readonly watched: readonly string[];
  /** Transactions that the books have in these blocks. */
  readonly expected: readonly string[];
  /**
   * Whether the states of these blocks can be asked for. Without them only logs and receipts are read: what wallets of ours
   * sent besides is then known by the books only, and by what they hold in the end.
   */
  readonly withStates: boolean;
};

/** What a chain had of some blocks, or of some transactions. */
export type ChainPage = {
  /** By place; the roles of transfers between others are foreign until the books say more. */
  readonly movements: readonly ChainMovement[];
  /** Transactions that were looked at in full. */
  readonly seen: readonly SeenTransaction[];
};

/**
 * What reconciliation asks of a chain.
 *
 * Every method throws ChainUnavailableError where the chain cannot be asked.
 */
export type ChainReader = {
  /** The last final block; null where there is none yet. */
  finalBlock(): Promise<BlockRef | null>;
  /** null for a block that is not there. */
  block(number: bigint): Promise<BlockRef | null>;
  /** Whether nonces and balances of a block can still be asked for. */
  hasStates(block: bigint): Promise<boolean>;
  page(question: PageQuestion): Promise<ChainPage & { readonly last: BlockRef }>;
  transactions(hashes: readonly string[], own: readonly string[]): Promise<ChainPage>;
  /** The blocks of transactions; those that are in none are left out. */
  blocksOf(hashes: readonly string[]): Promise<ReadonlyMap<string, SeenTransaction>>;
  /** What a wallet held of an asset after a block. */
  balance(asset: AssetId, wallet: string, block: bigint): Promise<bigint>;
  /** Tokens of the network, whose transfers are read. */
  readonly assets: readonly AssetId[];
};
