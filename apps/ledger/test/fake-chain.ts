import { type AssetId, erc20AssetId, evmNativeAssetId } from '@quittance/money';

import type { BlockRef, ChainPage, ChainReader, PageQuestion } from '../src/reconciliation/chain-reader.js';
import { byPlace, type ChainMovement, logPart } from '../src/reconciliation/movement.js';
import type { SeenTransaction } from '../src/reconciliation/seen.js';
import { chainId, usdc } from './chain-payments.js';
import { hexOf } from './made-up.js';

export const asset: AssetId = erc20AssetId(chainId, usdc);
export const native = evmNativeAssetId(chainId);

export const blockHash = (block: bigint): `0x${string}` => hexOf(`block ${block}`, 32);

export type Made = {
  readonly index: number;
  readonly amount: bigint;
  readonly from: string;
  readonly to: string;
};

/** Movements of one log a payment, so many to a block: all of one transaction, as a batch is. */
export function settlement({ index, amount, from, to }: Made, perBlock: number): ChainMovement {
  const block = BigInt(1 + Math.floor(index / perBlock));
  return {
    place: {
      block,
      blockHash: blockHash(block),
      transaction: hexOf(`transaction ${block}`, 32),
      part: logPart(index % perBlock),
    },
    role: 'settlement',
    asset,
    from,
    to,
    amount,
    nonce: hexOf(`nonce ${index}`, 32),
    fee: 0n,
    awaitedBy: null,
  };
}

/** A chain that a test makes up: movements, and what wallets hold. */
export class FakeChain implements ChainReader {
  readonly assets = [asset];
  readonly balances = new Map<string, bigint>();
  pages = 0;
  readonly #blocks = new Map<bigint, ChainMovement[]>();

  constructor(
    movements: readonly ChainMovement[],
    private readonly height: bigint,
  ) {
    for (const movement of movements) {
      const { block } = movement.place;
      const list = this.#blocks.get(block);
      if (list === undefined) this.#blocks.set(block, [movement]);
      else list.push(movement);
    }
  }

  async finalBlock(): Promise<BlockRef> {
    return this.#ref(this.height);
  }

  async hasStates(): Promise<boolean> {
    return true;
  }

  async block(number: bigint): Promise<BlockRef | null> {
    return number > this.height ? null : this.#ref(number);
  }

  async page({ fromBlock, toBlock }: PageQuestion) {
    this.pages += 1;
    const movements: ChainMovement[] = [];
    for (let block = fromBlock; block <= toBlock; block += 1n) {
      movements.push(...(this.#blocks.get(block) ?? []).toSorted((a, b) => byPlace(a.place, b.place)));
    }
    return { ...pageOf(movements), last: this.#ref(toBlock) };
  }

  async transactions(hashes: readonly string[]): Promise<ChainPage> {
    const wanted = new Set(hashes);
    const all = [...this.#blocks.values()].flat().filter(({ place }) => wanted.has(place.transaction));
    return pageOf(all.sort((a, b) => byPlace(a.place, b.place)));
  }

  async blocksOf(hashes: readonly string[]): Promise<ReadonlyMap<string, SeenTransaction>> {
    const { seen } = await this.transactions(hashes);
    return new Map(seen.map((one) => [one.transaction, one]));
  }

  async balance(of: AssetId, wallet: string, block: bigint): Promise<bigint> {
    return block < this.height ? 0n : (this.balances.get(`${wallet} ${of}`) ?? 0n);
  }

  #ref(number: bigint): BlockRef {
    return { number, hash: blockHash(number), time: 1_795_000_000n + number };
  }
}

function pageOf(movements: readonly ChainMovement[]): ChainPage {
  return {
    movements,
    seen: [...new Map(movements.map(({ place }) => [place.transaction, place])).values()].map(
      ({ transaction, block, blockHash: hash }) => ({ transaction, block, blockHash: hash }),
    ),
  };
}
