import type { EvmFacts, EvmPayment } from '@quittance/exact-evm';
import { evmChainId } from '@quittance/money';
import { type Address, type Hex, toHex } from 'viem';

import {
  type Block,
  blockSchema,
  bytesSchema,
  chainNumberSchema,
  feeHistorySchema,
  minedTransactionSchema,
  quantitySchema,
  type Receipt,
  receiptSchema,
} from './answer.js';
import {
  type AuthorizationLogs,
  type AuthorizationRange,
  type EndRange,
  readAuthorizationEnds,
  readAuthorizationLogs,
} from './authorization-logs.js';
import type { Authorization } from './authorization.js';
import { readSpentOf } from './authorization-reads.js';
import type { AuthorizationEnds, AuthorizationUsedLog } from './authorization-used.js';
import { type Batch, type BatchSimulation, readLastRevert, simulateBatch } from './batch.js';
import { ChainMismatchError } from './chain-error.js';
import { ChainSurvey } from './chain-survey.js';
import { FactsReader } from './facts-reader.js';
import { type Fees, feesFrom, legacyFees } from './fees.js';
import { HeadSocket, type HeadWatch, noHeadWatch, type OnHead } from './heads.js';
import type { Call } from './multicall.js';
import type { EvmNetwork } from './network.js';
import { type PermitEnds, type PermitRange, readPermitEnds } from './permit2-logs.js';
import { type BroadcastOutcome, describeRpcError, isNodesFault, revertOf } from './rpc-error.js';
import { type EndpointHealth, RpcPool } from './rpc-pool.js';
import type { SignersAhead } from './signer-thread.js';
import { readStanding, type Standing } from './standing.js';

const requestTimeoutDefaultMs = 5_000;
const feeHistoryBlocks = 5;
const tipPercentile = 50;

export type GasEstimate =
  { readonly ok: true; readonly gas: bigint } | { readonly ok: false; readonly revert: string };

type Transaction = {
  readonly from: Address;
  readonly to: Address | null;
  readonly input: Hex;
  readonly value: bigint;
  readonly gas: bigint;
};

export type EvmChainOptions = {
  readonly requestTimeoutMs?: number;
  /** Works ahead for payments whose facts are read. */
  readonly signers?: SignersAhead;
};

/**
 * One EVM chain, through its nodes. What the chain says is a value, a revert included; that no node says anything
 * usable is a ChainUnavailableError, from every method.
 */
export class EvmChain {
  readonly network: EvmNetwork;
  readonly #rpc: RpcPool;
  readonly #facts: FactsReader;

  private constructor(network: EvmNetwork, rpc: RpcPool, { signers }: EvmChainOptions) {
    this.network = network;
    this.#rpc = rpc;
    this.#facts = new FactsReader({
      rpc,
      factories: network.factories,
      ...(signers === undefined ? {} : { signers }),
    });
  }

  /** Opens nothing yet: the nodes may be down now and be asked later. */
  static connect(network: EvmNetwork, options: EvmChainOptions = {}): EvmChain {
    const timeoutMs = options.requestTimeoutMs ?? requestTimeoutDefaultMs;
    const rpc = new RpcPool({ chainId: network.chainId, urls: network.rpcUrls, timeoutMs });
    return new EvmChain(network, rpc, options);
  }

  /** What moved money of some wallets; asks the same nodes. */
  survey(): ChainSurvey {
    return new ChainSurvey(this.#rpc, this.network);
  }

  /** Ends what runs beside the questions. */
  close(): void {
    this.#rpc.close();
  }

  /** Of each endpoint, by its place in `rpcUrls`. */
  endpointsHealth(): readonly EndpointHealth[] {
    return this.#rpc.endpointsHealth();
  }

  /** Calls back at each new block, where the network has a `wsUrl`; several blocks may come as one. */
  watchHeads(onHead: OnHead): HeadWatch {
    const { wsUrl } = this.network;
    return wsUrl === undefined ? noHeadWatch : new HeadSocket({ url: wsUrl, onHead });
  }

  /** @throws ChainMismatchError when the node is one of another chain than configured. */
  async checkIdentity(): Promise<void> {
    const actual = evmChainId(await this.#rpc.request(chainNumberSchema, 'eth_chainId'));
    if (actual !== this.network.chainId) throw new ChainMismatchError(this.network.chainId, actual);
  }

  /** Resolves when a node answers. */
  async ping(): Promise<void> {
    await this.#rpc.request(quantitySchema, 'eth_blockNumber');
  }

  /**
   * Everything the rules of `exact` and `upto` ask of the chain, at its latest block. What is asked for at the same time
   * is read together.
   */
  async paymentFacts(payment: EvmPayment): Promise<EvmFacts> {
    return this.#facts.read(payment);
  }

  async latestBlock(): Promise<Block> {
    return this.#rpc.request(blockSchema, 'eth_getBlockByNumber', 'latest', false);
  }

  /** null for a block that the node has not got (yet). */
  async block(number: bigint): Promise<Block | null> {
    return this.#rpc.request(blockSchema.nullable(), 'eth_getBlockByNumber', toHex(number), false);
  }

  /**
   * The last block that is final, as the setting `finality` has it; null where there is none yet, or the node does not
   * know the word.
   */
  async finalizedBlock(): Promise<Block | null> {
    const { finality } = this.network;
    if (typeof finality === 'number') {
      const { number } = await this.latestBlock();
      return number < BigInt(finality) ? null : this.block(number - BigInt(finality));
    }
    const answer = await this.#rpc.ask('eth_getBlockByNumber', finality, false);
    if (answer.ok) return this.#rpc.read(blockSchema.nullable(), 'eth_getBlockByNumber', answer.result);
    if (!isNodesFault(answer.error)) return null;
    throw this.#rpc.fault(`refused eth_getBlockByNumber: ${describeRpcError(answer.error)}`);
  }

  /** Authorizations of the network's assets that were taken in a range of blocks, both ends included. */
  async authorizationUsed(range: AuthorizationRange): Promise<AuthorizationUsedLog[]> {
    return (await this.authorizationUsedWithBlock(range)).logs;
  }

  /**
   * As authorizationUsed, with the range's last block as the node has it that gave the logs. Unless only some payer's
   * are asked for, blocks without logs are compared with their filters, as nodes lose logs.
   *
   * @throws ChainUnavailableError also when a node that was asked has not got all of the range.
   */
  async authorizationUsedWithBlock(range: AuthorizationRange): Promise<AuthorizationLogs> {
    const assets = this.network.assets.map(({ address }) => address);
    return readAuthorizationLogs(this.#rpc, assets, range);
  }

  /** What ended one authorization in a range of blocks, as far as logs tell. */
  async authorizationEnds(range: EndRange): Promise<AuthorizationEnds> {
    return readAuthorizationEnds(this.#rpc, range);
  }

  /** What may have spent one permit of Permit2 in a range of blocks, as far as logs tell. */
  async permitEnds(range: PermitRange): Promise<PermitEnds> {
    return readPermitEnds(this.#rpc, range);
  }

  /** Whether each of some authorizations, of either method, is used or cancelled at a block. */
  async spentOf(authorizations: readonly Authorization[], at: bigint | 'latest'): Promise<boolean[]> {
    return readSpentOf(this.#rpc, authorizations, at);
  }

  /** null for a transaction that is in no block. */
  async receipt(hash: Hex): Promise<Receipt | null> {
    return this.#rpc.request(receiptSchema.nullable(), 'eth_getTransactionReceipt', hash);
  }

  /** The block of a transaction, another way than by its receipt; null when it is in none. */
  async blockNumberOf(hash: Hex): Promise<bigint | null> {
    const schema = minedTransactionSchema.nullable();
    const transaction = await this.#rpc.request(schema, 'eth_getTransactionByHash', hash);
    return transaction?.blockNumber ?? null;
  }

  /** What a transaction calls with; null for one that the node does not know. */
  async calldataOf(hash: Hex): Promise<Hex | null> {
    const schema = minedTransactionSchema.nullable();
    return (await this.#rpc.request(schema, 'eth_getTransactionByHash', hash))?.input ?? null;
  }

  /** An account's nonce: transactions of it up to a block. */
  async transactionCount(address: Address, at: 'latest' | bigint): Promise<bigint> {
    const block = at === 'latest' ? at : toHex(at);
    return this.#rpc.request(quantitySchema, 'eth_getTransactionCount', address, block);
  }

  /** An account's nonce at the latest block, of the endpoint that is furthest; those that lag are not believed. */
  async transactionCountMax(address: Address): Promise<bigint> {
    return this.#rpc.transactionCountMax(address);
  }

  /** Tries a batch at the latest block, exactly as it would be sent. */
  async simulateBatch(batch: Batch): Promise<BatchSimulation> {
    return simulateBatch(this.#rpc, batch);
  }

  /**
   * The node's own estimate for a call sent by `from` at the latest block, without margin. Nodes that are not told the
   * block may take the pending one, with all that waits in their pool.
   *
   * @param value Wei that goes with it.
   */
  async estimateCall({ to, data }: Call, from: Address, value = 0n): Promise<GasEstimate> {
    const call = { from, to, data, ...(value === 0n ? {} : { value: toHex(value) }) };
    const answer = await this.#rpc.ask('eth_estimateGas', call, 'latest');
    if (answer.ok) return { ok: true, gas: this.#rpc.read(quantitySchema, 'eth_estimateGas', answer.result) };
    const revert = revertOf(answer.error);
    if (revert !== undefined) return { ok: false, revert };
    throw this.#rpc.fault(`refused eth_estimateGas: ${describeRpcError(answer.error)}`);
  }

  /**
   * Whether a call sent by `from` at the latest block would succeed with this much gas: one run of it, where an estimate
   * takes several. False also where the node could not say; the estimate tells why.
   */
  async goesThrough({ to, data }: Call, from: Address, gas: bigint): Promise<boolean> {
    return (await this.#rpc.ask('eth_call', { from, to, data, gas: toHex(gas) }, 'latest')).ok;
  }

  /** Why the last of some calls would revert after the others, each tried by itself; null where it would not. */
  async lastRevert(calls: readonly Call[], from: Address): Promise<string | null> {
    return readLastRevert(this.#rpc, calls, from);
  }

  /** What an account holds of a token and lets Permit2 take, and its own wei and nonce, at one block. */
  async standing(asset: Address, account: Address): Promise<Standing> {
    return readStanding(this.#rpc, asset, account);
  }

  /**
   * Fees, in wei, that get a transaction into the next blocks: twice the next base fee and the median tip of the last
   * blocks, at least 1 wei. On a chain without base fee both are the node's gas price.
   */
  async fees(): Promise<Fees> {
    const [block, history] = await Promise.all([
      this.latestBlock(),
      this.#rpc.ask('eth_feeHistory', toHex(feeHistoryBlocks), 'latest', [tipPercentile]),
    ]);
    if (block.baseFeePerGas === null) {
      return legacyFees(await this.#rpc.request(quantitySchema, 'eth_gasPrice'));
    }
    // A node without fee history still has the block's base fee.
    if (!history.ok) return feesFrom({ nextBaseFee: block.baseFeePerGas, tips: [] });
    const { baseFeePerGas, reward } = this.#rpc.read(feeHistorySchema, 'eth_feeHistory', history.result);
    const nextBaseFee = baseFeePerGas.at(-1) ?? block.baseFeePerGas;
    return feesFrom({ nextBaseFee, tips: (reward ?? []).flat() });
  }

  /** Hands a signed transaction to all nodes. A fault leaves open whether one took it: broadcast the same bytes again. */
  async broadcast(raw: Hex): Promise<BroadcastOutcome> {
    return this.#rpc.broadcast(raw);
  }

  /**
   * Why a mined transaction reverted, found by replaying it on its block's parent, and where it succeeds there (what
   * made it fail is in its own block) on the block itself. '' if the node will not say.
   */
  async revertReason(hash: Hex): Promise<string> {
    const transaction = await this.#rpc.request(
      minedTransactionSchema.nullable(),
      'eth_getTransactionByHash',
      hash,
    );
    if (transaction === null || transaction.blockNumber === null) return '';
    const { blockNumber } = transaction;
    return (
      (await this.#replay(transaction, blockNumber - 1n)) || (await this.#replay(transaction, blockNumber))
    );
  }

  /** Wei that an account holds, at the latest block. */
  async balance(address: Address): Promise<bigint> {
    return this.#rpc.request(quantitySchema, 'eth_getBalance', address, 'latest');
  }

  /** Whether there is a contract at an address, or an account with a delegate. */
  async hasCode(address: Address): Promise<boolean> {
    return (await this.#rpc.request(bytesSchema, 'eth_getCode', address, 'latest')) !== '0x';
  }

  async #replay({ from, to, input, value, gas }: Transaction, blockNumber: bigint): Promise<string> {
    const call = { from, ...(to === null ? {} : { to }), data: input, value: toHex(value), gas: toHex(gas) };
    const answer = await this.#rpc.ask('eth_call', call, toHex(blockNumber));
    return answer.ok ? '' : (revertOf(answer.error) ?? '');
  }
}
