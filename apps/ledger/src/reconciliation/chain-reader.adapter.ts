import type { ChainSurvey, EvmChain, MovementReceipt, WalletTransaction } from '@quittance/chain';
import {
  type AssetId,
  assetParts,
  type ChainId,
  erc20AssetId,
  evmNativeAssetId,
  parseAssetId,
} from '@quittance/money';

import type { BlockRef, ChainPage, ChainReader, PageQuestion } from './chain-reader.js';
import { changesBetween, type Known } from './change-search.js';
import { byPlace, type ChainMovement, nativePart, outside } from './movement.js';
import { NativeSums } from './native-sums.js';
import { ownMovements, transferMovements } from './page-movements.js';
import type { BlockRange } from './seen.js';

type Address = `0x${string}`;
type Sent = WalletTransaction & { readonly block: bigint; readonly blockHash: string };

/** Reads an EVM chain for reconciliation. */
export class EvmChainReader implements ChainReader {
  readonly assets: readonly AssetId[];
  readonly #chain: EvmChain;
  readonly #survey: ChainSurvey;
  readonly #chainId: ChainId;

  constructor(chain: EvmChain) {
    this.#chain = chain;
    this.#survey = chain.survey();
    this.#chainId = chain.network.chainId;
    this.assets = chain.network.assets.map(({ address }) => erc20AssetId(this.#chainId, address));
  }

  async finalBlock(): Promise<BlockRef | null> {
    return this.#chain.finalizedBlock();
  }

  async block(number: bigint): Promise<BlockRef | null> {
    return this.#chain.block(number);
  }

  async blocksOf(hashes: readonly string[]) {
    const receipts = await this.#survey.receipts(hashes);
    return new Map([...receipts].map(([hash, receipt]) => [hash, seenIn(receipt)]));
  }

  async balance(asset: AssetId, wallet: string, block: bigint): Promise<bigint> {
    if (asset === evmNativeAssetId(this.#chainId))
      return this.#survey.nativeBalance(wallet as Address, block);
    const { reference } = assetParts(parseAssetId(asset));
    return this.#survey.tokenBalance(reference as Address, wallet as Address, block);
  }

  async hasStates(block: bigint): Promise<boolean> {
    return block < 0n || this.#survey.hasStates(block);
  }

  async page({ fromBlock, toBlock, own, watched, expected, withStates }: PageQuestion) {
    const range = { fromBlock, toBlock };
    const wallets = [...new Set([...own, ...watched])] as Address[];
    const [{ transfers, lastBlock }, sent] = await Promise.all([
      this.#survey.transfersTouching(range, wallets),
      withStates ? this.#sentBy(own, range) : [],
    ]);
    const hashes = [...new Set([...sent.map(({ hash }) => hash), ...expected])];
    const receipts = await this.#survey.receipts(hashes);
    const ownSet = new Set(own);
    const sums = new NativeSums(this.#chainId, ownSet);
    for (const one of sent) addSent(sums, one, receipts.get(one.hash));
    const unplaced = withStates ? await this.#unexplained(own, range, sums) : [];
    const inRange = [...receipts.values()].filter(
      ({ blockNumber }) => blockNumber >= fromBlock && blockNumber <= toBlock,
    );
    const movements = [
      ...ownMovements(this.#chainId, inRange, ownSet),
      ...transferMovements(this.#chainId, transfers, { read: receipts, own: ownSet }),
      ...sums.movements(),
      ...unplaced,
    ].sort((a, b) => byPlace(a.place, b.place));
    return { movements, seen: [...inRange.map(seenIn), ...sums.seen()], last: lastBlock };
  }

  async transactions(hashes: readonly string[], own: readonly string[]): Promise<ChainPage> {
    const receipts = await this.#survey.receipts(hashes);
    const ownSet = new Set(own);
    const sums = new NativeSums(this.#chainId, ownSet);
    const blocks = new Set([...receipts.values()].map(({ blockNumber }) => blockNumber));
    for (const block of blocks) {
      const { hash: blockHash, transactions } = await this.#survey.transactionsIn(block, ownSet);
      for (const one of transactions)
        if (receipts.has(one.hash)) addSent(sums, { ...one, block, blockHash }, receipts.get(one.hash));
    }
    const all = [...receipts.values()];
    const movements = [...ownMovements(this.#chainId, all, ownSet), ...sums.movements()].sort((a, b) =>
      byPlace(a.place, b.place),
    );
    return { movements, seen: all.map(seenIn) };
  }

  /** Every transaction of wallets of ours in a range: their nonces say in which blocks there are some. */
  async #sentBy(own: readonly string[], { fromBlock, toBlock }: BlockRange): Promise<Sent[]> {
    const before = fromBlock - 1n;
    const changed = await Promise.all(
      own.map(async (wallet) => {
        const nonceAt = async (block: bigint) =>
          block < 0n ? 0n : this.#survey.transactionCount(wallet as Address, block);
        return changesBetween(nonceAt, ...(await ends(nonceAt, before, toBlock)));
      }),
    );
    const blocks = [...new Set(changed.flat().map(({ block }) => block))].sort((a, b) => (a < b ? -1 : 1));
    return this.#transactionsOf(blocks, own);
  }

  async #transactionsOf(blocks: readonly bigint[], own: readonly string[]): Promise<Sent[]> {
    const ownSet = new Set(own);
    const sent: Sent[] = [];
    for (const block of blocks) {
      const { hash: blockHash, transactions } = await this.#survey.transactionsIn(block, ownSet);
      sent.push(...transactions.map((one) => ({ ...one, block, blockHash })));
    }
    return sent;
  }

  /** Coin that wallets of ours got, and what moved theirs without a transaction that says so. */
  async #unexplained(own: readonly string[], range: BlockRange, sums: NativeSums): Promise<ChainMovement[]> {
    const movements: ChainMovement[] = [];
    for (const wallet of own) {
      const restAt = async (block: bigint) =>
        (block < 0n ? 0n : await this.#survey.nativeBalance(wallet as Address, block)) -
        sums.upTo(wallet, block);
      for (const { block } of await changesBetween(
        restAt,
        ...(await ends(restAt, range.fromBlock - 1n, range.toBlock)),
      )) {
        movements.push(...(await this.#explain(wallet, block, { sums, restAt })));
      }
    }
    return movements;
  }

  async #explain(
    wallet: string,
    block: bigint,
    { sums, restAt }: { readonly sums: NativeSums; readonly restAt: (block: bigint) => Promise<bigint> },
  ): Promise<ChainMovement[]> {
    const { hash: blockHash, transactions } = await this.#survey.transactionsIn(block, new Set([wallet]));
    const got = transactions.filter(({ to, from, value }) => to === wallet && from !== wallet && value > 0n);
    const receipts = await this.#survey.receipts(got.map(({ hash }) => hash));
    for (const one of got) {
      const receipt = receipts.get(one.hash);
      // What wallets of ours sent to each other is there already.
      if (receipt?.status === 'success' && !sums.has(one.hash))
        sums.add(wallet, { ...one, block, blockHash }, one.value);
    }
    const left = (await restAt(block)) - (await restAt(block - 1n));
    if (left === 0n) return [];
    const parties = left > 0n ? { from: outside, to: wallet } : { from: wallet, to: outside };
    return [
      {
        place: { block, blockHash, transaction: '', part: nativePart(wallet) },
        role: left > 0n ? 'inbound' : 'own',
        asset: evmNativeAssetId(this.#chainId),
        ...parties,
        amount: left > 0n ? left : -left,
        nonce: null,
        fee: 0n,
        awaitedBy: null,
      },
    ];
  }
}

async function ends(
  valueAt: (block: bigint) => Promise<bigint>,
  first: bigint,
  last: bigint,
): Promise<[Known, Known]> {
  const [before, after] = await Promise.all([valueAt(first), valueAt(last)]);
  return [
    { block: first, value: before },
    { block: last, value: after },
  ];
}

function addSent(sums: NativeSums, one: Sent, receipt: MovementReceipt | undefined): void {
  if (receipt === undefined || receipt.blockHash !== one.blockHash) return;
  const value = receipt.status === 'success' ? one.value : 0n;
  if (sums.isOwn(one.from)) sums.spend(one.from, one, { fee: receipt.fee, value });
  if (one.to !== null && sums.isOwn(one.to) && value > 0n) sums.add(one.to, one, value);
}

const seenIn = ({ transaction, blockNumber: block, blockHash }: MovementReceipt) => ({
  transaction,
  block,
  blockHash,
});
