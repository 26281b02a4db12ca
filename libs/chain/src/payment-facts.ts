import {
  authorizationDigest,
  type EvmFacts,
  type EvmPayment,
  exactPermit2ProxyAddress,
  innerSignatureOf,
  permit2Address,
  type Permit2Payment,
  type Simulation,
  uptoPermit2ProxyAddress,
} from '@quittance/exact-evm';
import type { Address, Hex } from 'viem';

import { readText, readUint, uintWord } from './abi.js';
import { readSpent, spentCallOf } from './authorization.js';
import type { BulkAnswer, Question } from './bulk.js';
import { type CallResult, multicall3Address } from './multicall.js';
import { allowanceCall, balanceOfCall } from './permit2.js';
import { readRevert } from './revert.js';
import { transactionCallOf } from './settlement-call.js';

const isValidSignatureSelector = '0x1626ba7e';
const nameCall: Hex = '0x06fdde03';
const versionCall: Hex = '0x54fd4d50';
/** What a wallet answers to `isValidSignature` for a signature that it takes: the selector, aligned left. */
const accepted = `${isValidSignatureSelector}${'0'.repeat(56)}`;

/** What a token says of itself; changes with an upgrade at most. */
export type TokenMetadata = { readonly name: string | null; readonly version: string | null };

/** A payment, and whether its payer's own contract is asked for the signature. */
export type AskedPayment = { readonly payment: EvmPayment; readonly asksWallet: boolean };

export type FactTerms = {
  /** Of contracts: what is known of them is not asked for. */
  readonly known: ReadonlyMap<Address, TokenMetadata>;
  /** Factories that may deploy a payer's wallet. */
  readonly factories: readonly Address[];
};

/** Questions, and how their answers are read. */
export type FactPlan = {
  readonly questions: readonly Question[];
  /** Undefined where the chain has no Multicall3, through which batches are settled: nothing is promised there. */
  readonly read: (answer: BulkAnswer) => ReadFacts | undefined;
};

export type ReadFacts = {
  /** That of a payment which is tried apart ({@link isTriedApart}) says that it was not tried. */
  readonly facts: readonly EvmFacts[];
  /** What the assets that were asked for it say of themselves; those without code are not among them. */
  readonly metadata: ReadonlyMap<Address, TokenMetadata>;
};

/** A payment that one account alone may settle. */
export type PinnedPayment = Permit2Payment & { readonly facilitator: Address };

/** Whether a payment's settlement may be sent by one account alone, and so is not tried with those of others. */
export function isTriedApart(payment: EvmPayment): payment is PinnedPayment {
  return payment.method === 'permit2' && payment.facilitator !== null && isTried(payment);
}

/**
 * What is asked for the facts of payments: of each asset that is not known its code, name and version, whether there are
 * the proxies that settle; then of each payment the payer's code and standing, what his own contract says of the
 * signature, and last the settlements, which use the most gas.
 */
export function planFacts(asked: readonly AskedPayment[], { known, factories }: FactTerms): FactPlan {
  const questions: Question[] = [];
  const add = (kind: Question['kind'], to: Address, data: Hex = '0x'): number =>
    questions.push({ kind, to, data }) - 1;
  const multicallAt = add('code', multicall3Address);
  const payments = asked.map(({ payment }) => payment);
  const tokensAt = distinct(payments.map(({ asset }) => asset))
    .filter((asset) => !known.has(asset))
    .map((asset) => ({
      asset,
      code: add('code', asset),
      name: add('read', asset, nameCall),
      version: add('read', asset, versionCall),
    }));
  const proxiesAt = new Map(
    distinct(payments.map(proxyOf)).map((proxy) => [proxy, proxy === null ? null : add('code', proxy)]),
  );
  const readsAt = asked.map((one) => addReads(one, add));
  const trialsAt = payments.map((payment) => {
    if (!isTried(payment) || isTriedApart(payment)) return null;
    const { to, data } = transactionCallOf(payment, factories);
    return add('trial', to, data);
  });
  const read = ({ blockNumber, blockTime, results }: BulkAnswer): ReadFacts | undefined => {
    if (results[multicallAt]?.ok !== true) return undefined;
    const metadata = new Map<Address, TokenMetadata>();
    for (const { asset, code, name, version } of tokensAt) {
      if (results[code]?.ok !== true) continue;
      metadata.set(asset, {
        name: valueOf(results[name], readText),
        version: valueOf(results[version], readText),
      });
    }
    const facts = payments.map((payment, index): EvmFacts => {
      const token = known.get(payment.asset) ?? metadata.get(payment.asset);
      const proxyAt = proxiesAt.get(proxyOf(payment)) ?? null;
      return {
        blockNumber,
        blockTime,
        ...readReads(payment, readsAt[index] as ReadsAt, results),
        assetHasCode: token !== undefined,
        proxyHasCode: proxyAt === null || results[proxyAt]?.ok === true,
        tokenName: payment.method === 'eip3009' ? (token?.name ?? null) : null,
        tokenVersion: payment.method === 'eip3009' ? (token?.version ?? null) : null,
        simulation: simulationAt(results, trialsAt[index] ?? null, payment),
      };
    });
    return { facts, metadata };
  };
  return { questions, read };
}

type ReadsAt = {
  readonly code: number;
  readonly balance: number;
  readonly spent: number;
  readonly allowance: number | null;
  readonly wallet: number | null;
};

type Add = (kind: Question['kind'], to: Address, data?: Hex) => number;

function addReads({ payment, asksWallet }: AskedPayment, add: Add): ReadsAt {
  const { asset, payer } = payment;
  const spent = spentCallOf(payment);
  const isPermit = payment.method === 'permit2';
  return {
    code: add('code', payer),
    balance: add('read', asset, balanceOfCall(payer)),
    spent: add('read', spent.to, spent.data),
    allowance: isPermit ? add('read', asset, allowanceCall(payer, permit2Address)) : null,
    wallet: asksWallet ? add('read', payer, isValidSignatureCall(payment)) : null,
  };
}

function readReads(payment: EvmPayment, at: ReadsAt, results: readonly CallResult[]) {
  const payerHasCode = results[at.code]?.ok === true;
  return {
    payerHasCode,
    balance: valueOf(results[at.balance], readUint),
    authorizationUsed: valueOf(results[at.spent], (answer) => readSpent(payment, answer)),
    allowance: at.allowance === null ? null : valueOf(results[at.allowance], readUint),
    signatureAccepted:
      at.wallet === null || !payerHasCode ? null : valueOf(results[at.wallet], readAcceptance),
  };
}

/** What is signed for another token is not what would be settled; and of nothing there is nothing to try. */
export function isTried(payment: EvmPayment): boolean {
  return payment.method === 'eip3009' || (payment.token === payment.asset && !isOfNothing(payment));
}

function isOfNothing({ scheme, requirements }: EvmPayment): boolean {
  return scheme === 'upto' && requirements.amount === 0n;
}

function simulationAt(results: readonly CallResult[], at: number | null, payment: EvmPayment): Simulation {
  // Nothing is sent, and nothing can fail.
  if (isOfNothing(payment)) return { ok: true };
  if (at === null) return { ok: false, revert: 'not tried' };
  const result = results[at];
  return result?.ok === true ? { ok: true } : { ok: false, revert: readRevert(result?.data ?? '0x') };
}

/** The contract beside the token that settles a payment; null for EIP-3009, which needs none. */
function proxyOf({ method, scheme }: EvmPayment): Address | null {
  if (method === 'eip3009') return null;
  return scheme === 'upto' ? uptoPermit2ProxyAddress : exactPermit2ProxyAddress;
}

/** Calldata of `isValidSignature(bytes32,bytes)` (ERC-1271), for what the payer signed. */
function isValidSignatureCall(payment: EvmPayment): Hex {
  const signature = innerSignatureOf(payment.signature).slice(2);
  const padded = signature.padEnd(Math.ceil(signature.length / 64) * 64, '0');
  const digest = authorizationDigest(payment).slice(2);
  return `${isValidSignatureSelector}${digest}${uintWord(64)}${uintWord(signature.length / 2)}${padded}`;
}

/** Strictly one word, as the contracts that settle read it. */
function readAcceptance(answer: Hex): boolean {
  return answer.toLowerCase() === accepted;
}

function distinct<Item>(items: readonly Item[]): Item[] {
  return [...new Set(items)];
}

function valueOf<T>(result: CallResult | undefined, read: (data: Hex) => T | null): T | null {
  return result?.ok === true ? read(result.data) : null;
}
