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

const blockCalls: readonly Call[] = [
  { to: multicall3Address, data: getBlockNumberCall },
  { to: multicall3Address, data: getBlockTimeCall },
];

/** What a token says of itself; changes with an upgrade at most. */
export type TokenMetadata = { readonly name: string | null; readonly version: string | null };

/** Facts without those that no call of a contract tells. */
export type CalledFacts = Omit<ExactEvmFacts, 'payerHasCode' | 'assetHasCode'>;

/** Calldata of `authorizationState(address,bytes32)`. */
export function authorizationStateCall(authorizer: Address, nonce: Hex): Hex {
  return `${authorizationStateSelector}${addressWord(authorizer)}${nonce.slice(2)}`;
}

/**
 * The reads behind the facts of payments, all at one block. The transfers come last, for they change what the others
 * see; no payment may be of, or to, an account that another of them moves ({@link groupsOf}).
 */
export function factCalls(payments: readonly ExactEvmPayment[], unknownAssets: readonly Address[]): Call[] {
  return [
    ...blockCalls,
    ...unknownAssets.flatMap((asset) => [
      { to: asset, data: nameCall },
      { to: asset, data: versionCall },
    ]),
    ...payments.flatMap(({ asset, payer, nonce }): Call[] => [
      { to: asset, data: `${balanceOfSelector}${addressWord(payer)}` },
      { to: asset, data: authorizationStateCall(payer, nonce) },
    ]),
    ...payments.map((payment) => ({ to: payment.asset, data: encodeTransferWithAuthorization(payment) })),
  ];
}

export type ReadFacts = {
  readonly facts: readonly CalledFacts[];
  /** What the assets that were asked for it say of themselves. */
  readonly metadata: ReadonlyMap<Address, TokenMetadata>;
};

/** The facts from the results of {@link factCalls}; undefined when the block is missing from them. */
export function readFacts(
  results: readonly CallResult[],
  {
    payments,
    unknownAssets,
    known,
  }: {
    readonly payments: readonly ExactEvmPayment[];
    readonly unknownAssets: readonly Address[];
    readonly known: ReadonlyMap<Address, TokenMetadata>;
  },
): ReadFacts | undefined {
  const blockNumber = valueOf(results[0], readUint);
  const blockTime = valueOf(results[1], readUint);
  if (blockNumber === null || blockTime === null) return undefined;
  const metadata = new Map(
    unknownAssets.map((asset, index) => {
      const at = blockCalls.length + 2 * index;
      return [asset, { name: valueOf(results[at], readText), version: valueOf(results[at + 1], readText) }];
    }),
  );
  const readsAt = blockCalls.length + 2 * unknownAssets.length;
  const facts = payments.map(({ asset }, index): CalledFacts => {
    const token = known.get(asset) ?? metadata.get(asset);
    const simulation = results[readsAt + 2 * payments.length + index];
    return {
      blockNumber,
      blockTime,
      balance: valueOf(results[readsAt + 2 * index], readUint),
      authorizationUsed: valueOf(results[readsAt + 2 * index + 1], readBool),
      tokenName: token?.name ?? null,
      tokenVersion: token?.version ?? null,
      simulation:
        simulation?.ok === true ? { ok: true } : { ok: false, revert: readRevert(simulation?.data ?? '0x') },
    };
  });
  return { facts, metadata };
}

/**
 * Payments put into groups that can be tried one after another without seeing each other's effects: within a group
 * nobody pays twice of one asset, and nobody pays who is paid.
 */
export function groupsOf<
  Item extends { readonly payment: Pick<ExactEvmPayment, 'asset' | 'payer' | 'payTo'> },
>(items: readonly Item[]): Item[][] {
  const groups: { members: Item[]; payers: Set<string>; payees: Set<string> }[] = [];
  for (const item of items) {
    const { asset, payTo } = item.payment;
    const payer = `${asset} ${item.payment.payer}`;
    const payee = `${asset} ${payTo}`;
    let group = groups.find(
      ({ payers, payees }) => !payers.has(payer) && !payees.has(payer) && !payers.has(payee),
    );
    if (group === undefined) groups.push((group = { members: [], payers: new Set(), payees: new Set() }));
    group.members.push(item);
    group.payers.add(payer);
    group.payees.add(payee);
  }
  return groups.map(({ members }) => members);
}

function valueOf<T>(result: CallResult | undefined, read: (data: Hex) => T | null): T | null {
  return result?.ok === true ? read(result.data) : null;
}
