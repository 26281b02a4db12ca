import { devTestDollar, devUsdc } from '@quittance/embedded';
import type { ExactEvmPayment } from '@quittance/exact-evm';
import { atomicAmount, evmChainId } from '@quittance/money';
import type { Address, Hex } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';

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
export async function payBy(payer: Payer, changes: Partial<ExactEvmPayment> = {}): Promise<ExactEvmPayment> {
  const terms = {
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

export function networkAt(...rpcUrls: string[]): EvmNetwork {
  return {
    chainId: evmChainId(chainNumber),
    rpcUrls,
    assets: [devUsdc, devTestDollar].map((token) => ({
      ...token,
      address: token.address.toLowerCase() as Address,
    })),
    relayers: [seller],
    confirmations: 1,
    pollIntervalMs: 1_000,
    gasPriceMaxWei: 500_000_000_000n,
    replaceAfterBlocks: 3,
    finality: 'finalized',
    relayerBalanceMinWei: 0n,
  };
}
