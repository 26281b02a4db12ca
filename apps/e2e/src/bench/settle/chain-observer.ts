import { setTimeout as sleep } from 'node:timers/promises';

import { devUsdc } from '@quittance/embedded';
import type { Anvil } from '@quittance/testing';
import { createTestClient, type Hex, http, parseAbiItem, publicActions, toHex } from 'viem';

const authorizationUsed = parseAbiItem(
  'event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce)',
);
/** Half of what Base takes in its 2 s blocks: the chain is not what is measured. */
export const blockGasLimit = 200_000_000n;
export const blockTimeS = 1;
const logBlocksMax = 200n;
const drainMaxMs = 20_000;
const drainPollMs = 100;
const strandedPollMs = 250;

export type Landing = { readonly transaction: Hex; readonly block: bigint };

/** Says how the chain mines, and what really happened on it. */
export class ChainObserver {
  readonly #client;

  constructor(chain: Anvil) {
    this.#client = createTestClient({
      mode: 'anvil',
      transport: http(chain.rpcUrl, { timeout: 60_000 }),
      cacheTime: 0,
    }).extend(publicActions);
  }

  async prepare(): Promise<void> {
    await this.#client.setBlockGasLimit({ gasLimit: blockGasLimit });
  }

  /** A block for each transaction, or one each second. */
  async mine(mode: 'automine' | 'blocks'): Promise<void> {
    if (mode === 'automine') await this.#client.setAutomine(true);
    else await this.#client.setIntervalMining({ interval: blockTimeS });
  }

  /** Takes all back that `work` did to the chain: the dev node becomes slower with each block, and others have their turn. */
  async undoing<Result>(work: () => Promise<Result>): Promise<Result> {
    const id = await this.#client.snapshot();
    const result = await work();
    await this.drained();
    await this.#client.revert({ id });
    return result;
  }

  async blockNumber(): Promise<bigint> {
    return this.#client.getBlockNumber();
  }

  /** Resolves when no transaction waits to be mined. */
  async drained(): Promise<void> {
    const deadline = Date.now() + drainMaxMs;
    while (Date.now() < deadline) {
      const { pending, queued } = await this.#client.getTxpoolStatus();
      if (pending + queued === 0) return;
      await sleep(drainPollMs);
    }
    console.log('  transactions are left in the pool of the node');
  }

  /**
   * Waits for the work of either side, and meanwhile frees what anvil strands: one of a hundred transactions that arrive
   * while their predecessor is being mined stays queued for ever though no nonce is missing. Who does not broadcast
   * again by himself would stand still for the rest of the round, for a fault of this node only.
   */
  async freeingStranded<Result>(work: Promise<Result>): Promise<Result> {
    const over = new AbortController();
    const freeing = this.#freeStranded(over.signal);
    try {
      return await work;
    } finally {
      over.abort();
      await freeing;
    }
  }

  async #freeStranded(over: AbortSignal): Promise<void> {
    let before = new Set<Hex>();
    while (!over.aborted) {
      await sleep(strandedPollMs, undefined, { signal: over }).catch(() => undefined);
      const { queued } = await this.#client.getTxpoolContent();
      const hashes = Object.values(queued).flatMap((ofSender) =>
        Object.values(ofSender).map(({ hash }) => hash),
      );
      for (const hash of hashes.filter((each) => before.has(each))) await this.#sendAgain(hash);
      before = new Set(hashes);
    }
  }

  async #sendAgain(hash: Hex): Promise<void> {
    const raw = await this.#client.request<RawTransaction>({
      method: 'eth_getRawTransactionByHash',
      params: [hash],
    });
    // Mined or replaced since, or known to the node and so refused: it moves all the same.
    if (raw !== null)
      await this.#client.sendRawTransaction({ serializedTransaction: raw }).catch(() => undefined);
  }

  /** The authorizations that were used after block `after`, by nonce. */
  async landings(after: bigint): Promise<Map<string, Landing>> {
    const head = await this.blockNumber();
    const found = new Map<string, Landing>();
    for (let from = after + 1n; from <= head; from += logBlocksMax) {
      const to = from + logBlocksMax - 1n;
      const logs = await this.#client.getLogs({
        address: devUsdc.address,
        event: authorizationUsed,
        fromBlock: from,
        toBlock: to < head ? to : head,
        strict: true,
      });
      for (const { args, transactionHash, blockNumber } of logs)
        found.set(args.nonce, { transaction: transactionHash, block: blockNumber });
    }
    return found;
  }

  /** What the transactions that brought these payments used together, each counted once. */
  async gasOf(
    landings: readonly Landing[],
  ): Promise<{ readonly gas: bigint; readonly transactions: number }> {
    const wanted = new Set(landings.map(({ transaction }) => transaction));
    let gas = 0n;
    for (const block of new Set(landings.map(({ block }) => block))) {
      const receipts = await this.#client.request<BlockReceipts>({
        method: 'eth_getBlockReceipts',
        params: [toHex(block)],
      });
      for (const { transactionHash, gasUsed } of receipts ?? [])
        if (wanted.has(transactionHash)) gas += BigInt(gasUsed);
    }
    return { gas, transactions: wanted.size };
  }
}

type RawTransaction = {
  Method: 'eth_getRawTransactionByHash';
  Parameters: [Hex];
  ReturnType: Hex | null;
};

type BlockReceipts = {
  Method: 'eth_getBlockReceipts';
  Parameters: [Hex];
  ReturnType: { readonly transactionHash: Hex; readonly gasUsed: Hex }[] | null;
};
