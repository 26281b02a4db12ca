import {
  encodeTransferWithAuthorization,
  type ExactEvmFacts,
  type ExactEvmPayment,
} from '@quittance/exact-evm';
import type { Address, Hex } from 'viem';

import { addressWord, readBool, readText, readUint } from './abi.js';
import {
  type Call,
  type CallResult,
  getBlockNumberCall,
  getBlockTimeCall,
  multicall3Address,
} from './multicall.js';
import { readRevert } from './revert.js';

const balanceOfSelector = '0x70a08231';
const authorizationStateSelector = '0xe94a0102';
const nameCall: Hex = '0x06fdde03';
const versionCall: Hex = '0x54fd4d50';

/** What a token says of itself; changes with an upgrade at most. */
export type TokenMetadata = { readonly name: string | null; readonly version: string | null };

/** Calldata of `authorizationState(address,bytes32)`. */
export function authorizationStateCall(authorizer: Address, nonce: Hex): Hex {
  return `${authorizationStateSelector}${addressWord(authorizer)}${nonce.slice(2)}`;
}

/** The reads behind a payment's facts, all at one block; the transfer last, for it changes what the others see. */
export function factCalls(payment: ExactEvmPayment, metadata: TokenMetadata | undefined): readonly Call[] {
  const { asset, payer, nonce } = payment;
  const calls: Call[] = [
    { to: multicall3Address, data: getBlockNumberCall },
    { to: multicall3Address, data: getBlockTimeCall },
    { to: asset, data: `${balanceOfSelector}${addressWord(payer)}` },
    { to: asset, data: authorizationStateCall(payer, nonce) },
    { to: asset, data: encodeTransferWithAuthorization(payment) },
  ];
  if (metadata === undefined)
    calls.splice(4, 0, { to: asset, data: nameCall }, { to: asset, data: versionCall });
  return calls;
}

type Code = Pick<ExactEvmFacts, 'payerHasCode' | 'assetHasCode'>;

/** The facts from the results of {@link factCalls}; undefined when the block is missing from them. */
export function readFacts(
  results: readonly CallResult[],
  metadata: TokenMetadata | undefined,
  code: Code,
): ExactEvmFacts | undefined {
  const blockNumber = valueOf(results[0], readUint);
  const blockTime = valueOf(results[1], readUint);
  const simulation = results.at(-1);
  if (blockNumber === null || blockTime === null || simulation === undefined) return undefined;
  const token = metadata ?? { name: valueOf(results[4], readText), version: valueOf(results[5], readText) };
  return {
    ...code,
    blockNumber,
    blockTime,
    balance: valueOf(results[2], readUint),
    authorizationUsed: valueOf(results[3], readBool),
    tokenName: token.name,
    tokenVersion: token.version,
    simulation: simulation.ok ? { ok: true } : { ok: false, revert: readRevert(simulation.data) },
  };
}

function valueOf<T>(result: CallResult | undefined, read: (data: Hex) => T | null): T | null {
  return result?.ok === true ? read(result.data) : null;
}
