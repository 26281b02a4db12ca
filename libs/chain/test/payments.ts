import { devTestDollar, devUsdc } from '@quittance/embedded';
import {
  type Eip3009Payment,
  exactPermit2ProxyAddress,
  permit2Address,
  type Permit2Payment,
  uptoPermit2ProxyAddress,
} from '@quittance/exact-evm';
import { atomicAmount, evmChainId } from '@quittance/money';
import type { Address, Hex } from 'viem';
import { generatePrivateKey, type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts';

import type { EvmNetwork } from '../src/index.js';

export const chainNumber = 84_532;
export const usdc = devUsdc.address.toLowerCase() as Address;
export const testDollar = devTestDollar.address.toLowerCase() as Address;
export const seller: Address = '0x209693bc6afc0c5328ba36faf03c514ef312287c';

/** After any block of a test. */
export const farFuture = 4_000_000_000n;

const types = {
  TransferWithAuthorization: [
    { name: 'from', type: 'address' },
    { name: 'to', type: 'address' },
    { name: 'value', type: 'uint256' },
    { name: 'validAfter', type: 'uint256' },
    { name: 'validBefore', type: 'uint256' },
    { name: 'nonce', type: 'bytes32' },
  ],
} as const;

export type Payer = ReturnType<typeof newPayer>;

/** An account that nobody has seen before. */
export function newPayer() {
  const account = privateKeyToAccount(generatePrivateKey());
  return { account, address: account.address.toLowerCase() as Address };
}

/** A payment of 0.01 USDC, signed by its payer. */
export async function payBy(payer: Payer, changes: Partial<Eip3009Payment> = {}): Promise<Eip3009Payment> {
  const terms = {
    scheme: 'exact' as const,
    method: 'eip3009' as const,
    chainId: evmChainId(chainNumber),
    chainNumber,
    asset: usdc,
    payer: payer.address,
    payTo: seller,
    value: atomicAmount(10_000n),
    validAfter: 0n,
    validBefore: farFuture,
    nonce: generatePrivateKey(),
    requirements: { payTo: seller, amount: atomicAmount(10_000n) },
    domain: { name: devUsdc.name, version: devUsdc.version },
    ...changes,
  };
  const signature: Hex = await payer.account.signTypedData({
    domain: { ...terms.domain, chainId: terms.chainNumber, verifyingContract: terms.asset },
    types,
    primaryType: 'TransferWithAuthorization',
    message: {
      from: terms.payer,
      to: terms.payTo,
      value: terms.value,
      validAfter: terms.validAfter,
      validBefore: terms.validBefore,
      nonce: terms.nonce,
    },
  });
  return { signature, ...terms };
}

const permitted = {
  TokenPermissions: [
    { name: 'token', type: 'address' },
    { name: 'amount', type: 'uint256' },
  ],
} as const;
const permit = [
  { name: 'permitted', type: 'TokenPermissions' },
  { name: 'spender', type: 'address' },
  { name: 'nonce', type: 'uint256' },
  { name: 'deadline', type: 'uint256' },
  { name: 'witness', type: 'Witness' },
] as const;

/** A payment of 0.01 USDC by Permit2, signed by its payer; one that names a facilitator is by `upto`. */
export async function permitBy(payer: Payer, changes: Partial<Permit2Payment> = {}): Promise<Permit2Payment> {
  const facilitator = changes.facilitator ?? null;
  const terms: Omit<Permit2Payment, 'signature'> = {
    scheme: facilitator === null ? 'exact' : 'upto',
    method: 'permit2',
    chainId: evmChainId(chainNumber),
    chainNumber,
    asset: usdc,
    token: usdc,
    spender: facilitator === null ? exactPermit2ProxyAddress : uptoPermit2ProxyAddress,
    facilitator,
    payer: payer.address,
    payTo: seller,
    value: atomicAmount(10_000n),
    validAfter: 0n,
    validBefore: farFuture,
    nonce: generatePrivateKey(),
    requirements: { payTo: seller, amount: atomicAmount(10_000n) },
    sponsoring: null,
    ...changes,
  };
  return { signature: await signPermit(payer.account, terms), ...terms };
}

/** By viem, which shares nothing with what is tested. */
async function signPermit(
  account: PrivateKeyAccount,
  terms: Omit<Permit2Payment, 'signature'>,
): Promise<Hex> {
  const { facilitator, payTo, validAfter } = terms;
  const message = {
    permitted: { token: terms.token, amount: terms.value },
    spender: terms.spender,
    nonce: BigInt(terms.nonce),
    deadline: terms.validBefore,
  };
  const domain = { name: 'Permit2', chainId: chainNumber, verifyingContract: permit2Address };
  const to = { name: 'to', type: 'address' } as const;
  const after = { name: 'validAfter', type: 'uint256' } as const;
  if (facilitator === null) {
    return account.signTypedData({
      domain,
      types: { ...permitted, Witness: [to, after], PermitWitnessTransferFrom: permit },
      primaryType: 'PermitWitnessTransferFrom',
      message: { ...message, witness: { to: payTo, validAfter } },
    });
  }
  return account.signTypedData({
    domain,
    types: {
      ...permitted,
      Witness: [to, { name: 'facilitator', type: 'address' }, after],
      PermitWitnessTransferFrom: permit,
    },
    primaryType: 'PermitWitnessTransferFrom',
    message: { ...message, witness: { to: payTo, facilitator, validAfter } },
  });
}

export function networkAt(...rpcUrls: string[]): EvmNetwork {
  return {
    chainId: evmChainId(chainNumber),
    rpcUrls,
    assets: [devUsdc, devTestDollar].map((token) => ({
      ...token,
      address: token.address.toLowerCase() as Address,
    })),
    relayers: [seller],
    factories: [],
    confirmations: 1,
    pollIntervalMs: 1_000,
    gasPriceMaxWei: 500_000_000_000n,
    replaceAfterBlocks: 3,
    finality: 'finalized',
    relayerBalanceMinWei: 0n,
    approvalGasMaxWei: 10n ** 15n,
  };
}
