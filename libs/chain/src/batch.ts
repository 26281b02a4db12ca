import { encodeTransferWithAuthorization } from '@quittance/exact-evm';
import { type Address, type Hex, toHex } from 'viem';

import { type Block, blockSchema, bytesSchema } from './answer.js';
import { type Call, decodeAggregate3, encodeAggregate3, multicall3Address } from './multicall.js';
import { readRevert } from './revert.js';
import { describeRpcError, revertOf } from './rpc-error.js';
import type { RpcPool } from './rpc-pool.js';

/** A transfer by EIP-3009, signed by its payer. */
export type Transfer = Parameters<typeof encodeTransferWithAuthorization>[0];

export type Batch = {
  readonly asset: Address;
  readonly members: readonly Transfer[];
  /** The relayer that would send it. */
  readonly from: Address;
  /** Of the whole transaction: with less than they need, the last members fail and the rest does not. */
  readonly gasLimit: bigint;
};

export type MemberResult = { readonly ok: true } | { readonly ok: false; readonly revert: string };

/** How a batch would go at a block; or why the whole of it reverts there. */
export type BatchSimulation =
  | {
      /** In the members' order. A member that ran out of gas has no reason: ''. */
      readonly results: readonly MemberResult[];
      readonly blockNumber: bigint;
      /** Unix seconds. */
      readonly blockTime: bigint;
      readonly baseFeePerGas: Block['baseFeePerGas'];
    }
  | { readonly reverted: string };

const wordBytes = 32;
/** Selector, offset and length of the list. */
const headBytes = 4 + 2 * wordBytes;
/** Its place in the list, target, whether it may fail, offset and length of its calldata. */
const memberHeadBytes = 5 * wordBytes;

/** Calldata of Multicall3's `aggregate3` in which each call may fail by itself, unless it must not; send it to `multicall3Address`. */
export function encodeBatch(calls: readonly Call[]): Hex {
  return encodeAggregate3(calls);
}

/** How many bytes {@link encodeBatch} makes of `count` calls with `bytesEach` bytes of calldata each. */
export function batchCalldataBytes(count: number, bytesEach: number): number {
  return headBytes + count * (memberHeadBytes + Math.ceil(bytesEach / wordBytes) * wordBytes);
}

/** Tries calls one after the other at the latest block, and tells why the last reverts; null where it does not. */
export async function readLastRevert(
  rpc: RpcPool,
  calls: readonly Call[],
  from: Address,
): Promise<string | null> {
  const call = { from, to: multicall3Address, data: encodeAggregate3(calls) };
  const answer = await rpc.ask('eth_call', call, 'latest');
  if (!answer.ok) {
    const reverted = revertOf(answer.error);
    if (reverted !== undefined) return reverted;
    throw rpc.fault(`refused eth_call: ${describeRpcError(answer.error)}`);
  }
  const last = decodeAggregate3(rpc.read(bytesSchema, 'eth_call', answer.result), calls.length)?.at(-1);
  if (last === undefined) throw rpc.fault('gave an answer to aggregate3 that is not one');
  return last.ok ? null : readRevert(last.data);
}

/** Tries a batch at the latest block, exactly as it would be sent. */
export async function simulateBatch(
  rpc: RpcPool,
  { asset, members, from, gasLimit }: Batch,
): Promise<BatchSimulation> {
  const data = encodeBatch(
    members.map((member) => ({ to: asset, data: encodeTransferWithAuthorization(member) })),
  );
  const call = { from, to: multicall3Address, data, gas: toHex(gasLimit) };
  const [answer, block] = await Promise.all([
    rpc.ask('eth_call', call, 'latest'),
    rpc.request(blockSchema, 'eth_getBlockByNumber', 'latest', false),
  ]);
  if (!answer.ok) {
    const reverted = revertOf(answer.error);
    if (reverted !== undefined) return { reverted };
    throw rpc.fault(`refused eth_call: ${describeRpcError(answer.error)}`);
  }
  const results = decodeAggregate3(rpc.read(bytesSchema, 'eth_call', answer.result), members.length);
  if (results === undefined) throw rpc.fault('gave an answer to aggregate3 that is not one');
  return {
    results: results.map(({ ok, data: returned }) => (ok ? { ok } : { ok, revert: readRevert(returned) })),
    blockNumber: block.number,
    blockTime: block.time,
    baseFeePerGas: block.baseFeePerGas,
  };
}
