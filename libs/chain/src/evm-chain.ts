import {
  authorizationUsedTopic,
  encodeTransferWithAuthorization,
  type ExactEvmFacts,
  type ExactEvmPayment,
} from '@quittance/exact-evm';
import { evmChainId } from '@quittance/money';
import { type Address, type Hex, pad, toHex } from 'viem';

import { readBool } from './abi.js';
import {
  type AuthorizationUsedLog,
  authorizationUsedLogsSchema,
  type Block,
  blockSchema,
  bytesSchema,
  chainNumberSchema,
  feeHistorySchema,
  hashSchema,
  minedTransactionSchema,
  quantitySchema,
  type Receipt,
  receiptSchema,
} from './answer.js';
import { ChainMismatchError } from './chain-error.js';
import { ExpiringCache } from './expiring-cache.js';
import { type Fees, feesFrom } from './fees.js';
import { JsonRpc } from './json-rpc.js';
import { decodeAggregate3, encodeAggregate3, multicall3Address } from './multicall.js';
import type { EvmNetwork } from './network.js';
import { authorizationStateCall, factCalls, readFacts, type TokenMetadata } from './payment-facts.js';
import {
  asksForShorterRange,
  type BroadcastOutcome,
  broadcastOutcomeOf,
  describeRpcError,
  revertOf,
} from './rpc-error.js';

const requestTimeoutDefaultMs = 5_000;
/** Contracts do not come and go; an upgrade may rename a token. */
const contractCache = { sizeMax: 1_000, lifetimeMs: 15 * 60 * 1_000 };
const feeHistoryBlocks = 5;
const tipPercentile = 50;

export type AuthorizationRange = {
  readonly fromBlock: bigint;
  readonly toBlock: bigint;
  readonly authorizer?: Address;
  readonly nonce?: Hex;
};

export type NoncesAtBlock = {
  readonly asset: Address;
  readonly authorizer: Address;
  readonly nonces: readonly Hex[];
  readonly atBlock: bigint;
};

export type GasEstimate =
  { readonly ok: true; readonly gas: bigint } | { readonly ok: false; readonly revert: string };

type Transaction = {
  readonly from: Address;
  readonly to: Address | null;
  readonly input: Hex;
  readonly value: bigint;
  readonly gas: bigint;
};

/**
 * One EVM chain, through its node. What the chain says is a value, a revert included; that the node says nothing
 * usable is a ChainUnavailableError, from every method.
 */
export class EvmChain {
  readonly network: EvmNetwork;
  readonly #rpc: JsonRpc;
  readonly #contracts = new ExpiringCache<true>(contractCache);
  readonly #metadata = new ExpiringCache<TokenMetadata>(contractCache);

  private constructor(network: EvmNetwork, rpc: JsonRpc) {
    this.network = network;
    this.#rpc = rpc;
  }

  /** Opens nothing yet: the node may be down now and be asked later. */
  static connect(network: EvmNetwork, options: { readonly requestTimeoutMs?: number } = {}): EvmChain {
    const timeoutMs = options.requestTimeoutMs ?? requestTimeoutDefaultMs;
    return new EvmChain(network, new JsonRpc({ chainId: network.chainId, url: network.rpcUrl, timeoutMs }));
  }

  /** @throws ChainMismatchError when the node is one of another chain than configured. */
  async checkIdentity(): Promise<void> {
    const actual = evmChainId(await this.#rpc.request(chainNumberSchema, 'eth_chainId'));
    if (actual !== this.network.chainId) throw new ChainMismatchError(this.network.chainId, actual);
  }

  /** Resolves when the node answers. */
  async ping(): Promise<void> {
    await this.#rpc.request(quantitySchema, 'eth_blockNumber');
  }

  /** Everything the rules of `exact` ask of the chain, at its latest block, in one HTTP request. */
  async exactEvmFacts(payment: ExactEvmPayment): Promise<ExactEvmFacts> {
    const { asset, payer } = payment;
    const metadata = this.#metadata.get(asset);
    const calls = factCalls(payment, metadata);
    const call = { to: multicall3Address, data: encodeAggregate3(calls) };
    const [answer, payerHasCode, assetHasCode] = await Promise.all([
      this.#rpc.request(bytesSchema, 'eth_call', call, 'latest'),
      this.#hasCode(payer),
      this.#contracts.get(asset) ?? this.#hasCode(asset),
    ]);
    if (assetHasCode) this.#contracts.set(asset, true);
    const results = decodeAggregate3(answer, calls.length);
    const facts = results && readFacts(results, metadata, { payerHasCode, assetHasCode });
    if (facts === undefined) {
      throw this.#rpc.fault(
        answer === '0x'
          ? `knows no Multicall3 at ${multicall3Address}, which is needed`
          : 'gave an answer to aggregate3 that is not one',
      );
    }
    if (metadata === undefined && facts.tokenName !== null && facts.tokenVersion !== null) {
      this.#metadata.set(asset, { name: facts.tokenName, version: facts.tokenVersion });
    }
    return facts;
  }

  async latestBlock(): Promise<Block> {
    return this.#rpc.request(blockSchema, 'eth_getBlockByNumber', 'latest', false);
  }

  /** null for a block that the node has not got (yet). */
  async block(number: bigint): Promise<Block | null> {
    return this.#rpc.request(blockSchema.nullable(), 'eth_getBlockByNumber', toHex(number), false);
  }

  /** Authorizations of the network's assets that were taken in a range of blocks, both ends included. */
  async authorizationUsed(range: AuthorizationRange): Promise<AuthorizationUsedLog[]> {
    const { fromBlock, toBlock, authorizer, nonce } = range;
    const filter = {
      address: this.network.assets.map(({ address }) => address),
      fromBlock: toHex(fromBlock),
      toBlock: toHex(toBlock),
      topics: [authorizationUsedTopic, authorizer === undefined ? null : pad(authorizer), nonce ?? null],
    };
    const answer = await this.#rpc.ask('eth_getLogs', filter);
    if (answer.ok) return this.#rpc.read(authorizationUsedLogsSchema, 'eth_getLogs', answer.result);
    if (fromBlock >= toBlock || !asksForShorterRange(answer.error)) {
      throw this.#rpc.fault(`refused eth_getLogs: ${describeRpcError(answer.error)}`);
    }
    const middle = (fromBlock + toBlock) / 2n;
    const lower = await this.authorizationUsed({ ...range, toBlock: middle });
    return [...lower, ...(await this.authorizationUsed({ ...range, fromBlock: middle + 1n }))];
  }

  /** Whether an authorization is used or cancelled, at the latest block. */
  async authorizationState(asset: Address, authorizer: Address, nonce: Hex): Promise<boolean> {
    return this.#isSpent({ to: asset, data: authorizationStateCall(authorizer, nonce) }, 'latest');
  }

  /** Which of a payer's authorizations are used or cancelled at a block. Ask for few: each is a call of one batch. */
  async spentNonces({ asset, authorizer, nonces, atBlock }: NoncesAtBlock): Promise<Hex[]> {
    const spent = await Promise.all(
      nonces.map(async (nonce) =>
        this.#isSpent({ to: asset, data: authorizationStateCall(authorizer, nonce) }, toHex(atBlock)),
      ),
    );
    return nonces.filter((_, index) => spent[index]);
  }

  async #isSpent(call: { readonly to: Address; readonly data: Hex }, block: string): Promise<boolean> {
    const used = readBool(await this.#rpc.request(bytesSchema, 'eth_call', call, block));
    if (used === null) throw this.#rpc.fault(`gave no answer to authorizationState of ${call.to}`);
    return used;
  }

  /** null for a transaction that is in no block. */
  async receipt(hash: Hex): Promise<Receipt | null> {
    return this.#rpc.request(receiptSchema.nullable(), 'eth_getTransactionReceipt', hash);
  }

  /** An account's nonce: transactions of it up to a block. */
  async transactionCount(address: Address, at: 'latest' | bigint): Promise<bigint> {
    const block = at === 'latest' ? at : toHex(at);
    return this.#rpc.request(quantitySchema, 'eth_getTransactionCount', address, block);
  }

  /** The node's own estimate for a transfer sent by `from`, without margin. */
  async estimateTransfer(
    payment: Parameters<typeof encodeTransferWithAuthorization>[0] & { readonly asset: Address },
    from: Address,
  ): Promise<GasEstimate> {
    const call = { from, to: payment.asset, data: encodeTransferWithAuthorization(payment) };
    const answer = await this.#rpc.ask('eth_estimateGas', call);
    if (answer.ok) return { ok: true, gas: this.#rpc.read(quantitySchema, 'eth_estimateGas', answer.result) };
    const revert = revertOf(answer.error);
    if (revert !== undefined) return { ok: false, revert };
    throw this.#rpc.fault(`refused eth_estimateGas: ${describeRpcError(answer.error)}`);
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
      const gasPrice = await this.#rpc.request(quantitySchema, 'eth_gasPrice');
      return { maxFeePerGas: gasPrice, maxPriorityFeePerGas: gasPrice };
    }
    // A node without fee history still has the block's base fee.
    if (!history.ok) return feesFrom({ nextBaseFee: block.baseFeePerGas, tips: [] });
    const { baseFeePerGas, reward } = this.#rpc.read(feeHistorySchema, 'eth_feeHistory', history.result);
    const nextBaseFee = baseFeePerGas.at(-1) ?? block.baseFeePerGas;
    return feesFrom({ nextBaseFee, tips: (reward ?? []).flat() });
  }

  /** Hands a signed transaction to the node. A fault leaves open whether it took it: broadcast the same bytes again. */
  async broadcast(raw: Hex): Promise<BroadcastOutcome> {
    const answer = await this.#rpc.ask('eth_sendRawTransaction', raw);
    if (answer.ok) {
      this.#rpc.read(hashSchema, 'eth_sendRawTransaction', answer.result);
      return { outcome: 'accepted' };
    }
    const outcome = broadcastOutcomeOf(answer.error);
    if (outcome !== undefined) return outcome;
    throw this.#rpc.fault(`refused eth_sendRawTransaction: ${describeRpcError(answer.error)}`);
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

  async #replay({ from, to, input, value, gas }: Transaction, blockNumber: bigint): Promise<string> {
    const call = { from, ...(to === null ? {} : { to }), data: input, value: toHex(value), gas: toHex(gas) };
    const answer = await this.#rpc.ask('eth_call', call, toHex(blockNumber));
    return answer.ok ? '' : (revertOf(answer.error) ?? '');
  }

  async #hasCode(address: Address): Promise<boolean> {
    return (await this.#rpc.request(bytesSchema, 'eth_getCode', address, 'latest')) !== '0x';
  }
}
