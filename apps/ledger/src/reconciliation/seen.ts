/** Blocks, both ends included. */
export type BlockRange = { readonly fromBlock: bigint; readonly toBlock: bigint };

/** A transaction with a block that it is in: of what moved by it the books do not know where that is. */
export type SeenTransaction = {
  readonly transaction: string;
  readonly block: bigint;
  readonly blockHash: string;
};
