import { type Address, type Hex, pad, toHex } from 'viem';
import { z } from 'zod';

import { readUint } from './abi.js';
import {
  addressSchema,
  type Block,
  bytesSchema,
  hashSchema,
  quantitySchema,
  type Receipt,
  receiptSchemaOf,
} from './answer.js';
import { type AuthorizationUsedLog, authorizationUsedAmong } from './authorization-used.js';
import { callAtBlock } from './call-at-block.js';
import { type LogRange, readInParts } from './log-range.js';
import { multicall3Address } from './multicall.js';
import type { EvmNetwork } from './network.js';
import { balanceOfCall } from './permit2.js';
import {
  hasProxySettled,
  type TransferLog,
  transfersAmong,
  transfersSchema,
  transferTopic,
} from './permit2-logs.js';
import { describeRpcError, isOverload } from './rpc-error.js';
import type { RpcPool } from './rpc-pool.js';

/** Wallets in one filter of logs; providers take some hundreds. */
const walletsPerFilterMax = 200;
/** Questions that are open at a time: their answers are held together. */
const askedAtOnceMax = 200;

/** A receipt with all that it moved of the network's assets. */
export type MovementReceipt = Omit<Receipt, 'authorizationsUsed' | 'proxyTransfers'> & {
  /** Of the network's assets, in the order of their logs. */
  readonly transfers: readonly TransferLog[];
  readonly authorizationsUsed: readonly AuthorizationUsedLog[];
  /** Whether a proxy of x402's settled a permit in it. */
  readonly settledPermit: boolean;
};

/** A transaction in a block that some wallet sent or got. */
export type WalletTransaction = {
  readonly hash: Hex;
  readonly from: Address;
  readonly to: Address | null;
  readonly value: bigint;
  readonly nonce: bigint;
};

const blockTransactionsSchema = z.object({
  number: quantitySchema,
  hash: hashSchema,
  transactions: z.array(
    z
      .object({
        hash: hashSchema,
        from: addressSchema,
        to: addressSchema.nullish(),
        value: quantitySchema,
        nonce: quantitySchema,
      })
      .transform(({ to, ...transaction }): WalletTransaction => ({ ...transaction, to: to ?? null })),
  ),
});

/** What moved the money of some wallets, as a chain's logs, receipts and states tell it. */
export class ChainSurvey {
  readonly #rpc: RpcPool;
  readonly #assets: readonly Address[];
  readonly #receiptSchema;

  constructor(rpc: RpcPool, { assets }: Pick<EvmNetwork, 'assets'>) {
    this.#rpc = rpc;
    this.#assets = assets.map(({ address }) => address);
    this.#receiptSchema = receiptSchemaOf(movementLogsSchema(new Set<string>(this.#assets))).nullable();
  }

  /**
   * Transfers of the network's assets from or to some wallets in a range of blocks, each once, in their order, and the
   * last block of the range as the node has it that gave them. The range is read in parts where a node finds it too long.
   */
  async transfersTouching(
    range: LogRange,
    wallets: readonly Address[],
  ): Promise<{ readonly transfers: readonly TransferLog[]; readonly lastBlock: Block }> {
    const found = new Map<string, TransferLog>();
    let lastBlock: Block | undefined;
    for (let start = 0; start === 0 || start < wallets.length; start += walletsPerFilterMax) {
      const some = wallets.slice(start, start + walletsPerFilterMax).map((wallet) => pad(wallet));
      for (const topics of [
        [transferTopic, some],
        [transferTopic, null, some],
      ]) {
        const filter = { address: this.#assets, topics };
        const read = await readInParts(this.#rpc, transfersSchema, { filter, range });
        if (lastBlock !== undefined && lastBlock.hash !== read.lastBlock.hash)
          throw this.#rpc.fault(`changed its mind about block ${range.toBlock}`);
        lastBlock = read.lastBlock;
        for (const log of read.parts.flat()) found.set(`${log.transaction}/${log.logIndex}`, log);
      }
    }
    if (lastBlock === undefined) throw this.#rpc.fault('was asked for no block');
    return { transfers: [...found.values()].sort(inOrder), lastBlock };
  }

  /** Receipts by transaction; those that are in no block are left out. */
  async receipts(hashes: readonly string[]): Promise<ReadonlyMap<string, MovementReceipt>> {
    const receipts = await this.#each(hashes, async (hash) =>
      this.#rpc.request(this.#receiptSchema, 'eth_getTransactionReceipt', hash),
    );
    return new Map(receipts.flatMap((receipt) => (receipt === null ? [] : [[receipt.transaction, receipt]])));
  }

  /** The transactions of a block that some wallets sent or got, and the block's hash. */
  async transactionsIn(
    block: bigint,
    wallets: ReadonlySet<string>,
  ): Promise<{ readonly hash: Hex; readonly transactions: readonly WalletTransaction[] }> {
    const { hash, transactions } = await this.#rpc.request(
      blockTransactionsSchema,
      'eth_getBlockByNumber',
      toHex(block),
      true,
    );
    return {
      hash,
      transactions: transactions.filter(
        ({ from, to }) => wallets.has(from) || (to !== null && wallets.has(to)),
      ),
    };
  }

  /** Whether the node still has the states of a block: most forget those of old ones. */
  async hasStates(block: bigint): Promise<boolean> {
    const answer = await this.#rpc.ask('eth_getBalance', multicall3Address, toHex(block));
    if (answer.ok) return true;
    if (isOverload(answer.error))
      throw this.#rpc.fault(`refused eth_getBalance: ${describeRpcError(answer.error)}`);
    return false;
  }

  /** Transactions of an account up to a block. */
  async transactionCount(account: Address, block: bigint): Promise<bigint> {
    return this.#rpc.request(quantitySchema, 'eth_getTransactionCount', account, toHex(block));
  }

  /** Wei that an account held after a block. */
  async nativeBalance(account: Address, block: bigint): Promise<bigint> {
    return this.#rpc.request(quantitySchema, 'eth_getBalance', account, toHex(block));
  }

  /** What an account held of a token after a block. */
  async tokenBalance(asset: Address, account: Address, block: bigint): Promise<bigint> {
    const answer = await callAtBlock(this.#rpc, { to: asset, data: balanceOfCall(account) }, block);
    if (!answer.ok) throw this.#rpc.fault(`refused balanceOf: ${describeRpcError(answer.error)}`);
    const balance = readUint(this.#rpc.read(bytesSchema, 'eth_call', answer.result));
    if (balance === null) throw this.#rpc.fault('gave an answer to balanceOf that is none');
    return balance;
  }

  async #each<Item, Result>(items: readonly Item[], ask: (item: Item) => Promise<Result>): Promise<Result[]> {
    const results: Result[] = [];
    for (let start = 0; start < items.length; start += askedAtOnceMax) {
      results.push(...(await Promise.all(items.slice(start, start + askedAtOnceMax).map(ask))));
    }
    return results;
  }
}

/** Only logs of the network's own assets are read: what other contracts write may be anything. */
const movementLogsSchema = (assets: ReadonlySet<string>) =>
  z.unknown().transform((logs, context) => {
    const transfers = transfersAmong(logs, assets);
    const authorizationsUsed = authorizationUsedAmong(logsOf(logs, assets));
    if (transfers !== undefined && authorizationsUsed !== undefined)
      return { transfers, authorizationsUsed, settledPermit: hasProxySettled(logs) };
    context.addIssue({ code: 'custom', message: 'expected logs' });
    return z.NEVER;
  });

function logsOf(logs: unknown, assets: ReadonlySet<string>): unknown {
  if (!Array.isArray(logs)) return logs;
  return logs.filter((entry: unknown) => {
    const address = (entry as { readonly address?: unknown } | null)?.address;
    return typeof address === 'string' && assets.has(address.toLowerCase());
  });
}

function inOrder(a: TransferLog, b: TransferLog): number {
  return Number(a.blockNumber - b.blockNumber) || a.logIndex - b.logIndex;
}
