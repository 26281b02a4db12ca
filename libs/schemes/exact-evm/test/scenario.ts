import { atomicAmount, type ChainId, parseChainId } from '@quittance/money';
import { parsePaymentRequest, type PaymentRequest } from '@quittance/protocol';
import type { Address, Hex } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';

import { type Eip3009Payment, type EvmFacts, type EvmPayment, judgeEvmPayment } from '../src/index.js';

export const payerKey = generatePrivateKey();
export const payer = privateKeyToAccount(payerKey);
export const stranger = privateKeyToAccount(generatePrivateKey());

export const asset: Address = '0x036cbd53842c5426634e7929541ec2318f3dcf7e';
export const seller: Address = '0x209693bc6afc0c5328ba36faf03c514ef312287c';
export const somebodyElse: Address = '0x00000000000000000000000000000000000000b2';
export const nonce: Hex = `0x${'7a'.repeat(32)}`;
export const nowSeconds = 1_795_000_000n;
const chainId: ChainId = parseChainId('eip155:84532');

const authorizationTypes = {
  TransferWithAuthorization: [
    { name: 'from', type: 'address' },
    { name: 'to', type: 'address' },
    { name: 'value', type: 'uint256' },
    { name: 'validAfter', type: 'uint256' },
    { name: 'validBefore', type: 'uint256' },
    { name: 'nonce', type: 'bytes32' },
  ],
} as const;

/** The authorization as viem takes it: an implementation that shares nothing with ours. */
export function typedDataOf(payment: Omit<Eip3009Payment, 'signature'>) {
  return {
    domain: {
      name: payment.domain.name,
      version: payment.domain.version,
      chainId: payment.chainNumber,
      verifyingContract: payment.asset,
    },
    types: authorizationTypes,
    primaryType: 'TransferWithAuthorization',
    message: {
      from: payment.payer,
      to: payment.payTo,
      value: payment.value,
      validAfter: payment.validAfter,
      validBefore: payment.validBefore,
      nonce: payment.nonce,
    },
  } as const;
}

export type Scenario = {
  readonly terms: Omit<Eip3009Payment, 'signature'>;
  readonly signer: typeof payer;
  readonly facts: EvmFacts;
};

export const goodScenario: Scenario = {
  terms: {
    scheme: 'exact',
    method: 'eip3009',
    chainId,
    chainNumber: 84_532,
    asset,
    payer: payer.address.toLowerCase() as Address,
    payTo: seller,
    value: atomicAmount(10_000n),
    validAfter: 0n,
    validBefore: nowSeconds + 300n,
    nonce,
    requirements: { payTo: seller, amount: atomicAmount(10_000n) },
    domain: { name: 'USDC', version: '2' },
  },
  signer: payer,
  facts: {
    blockNumber: 1_234n,
    blockTime: nowSeconds - 1n,
    payerHasCode: false,
    assetHasCode: true,
    balance: 5_000_000n,
    authorizationUsed: false,
    signatureAccepted: null,
    allowance: null,
    proxyHasCode: true,
    tokenName: 'USDC',
    tokenVersion: '2',
    simulation: { ok: true },
  },
};

export async function paymentOf({ terms, signer }: Scenario): Promise<Eip3009Payment> {
  return { ...terms, signature: await signer.signTypedData(typedDataOf(terms)) };
}

/** The verdict of a facilitator that calls no factory and has no relayer. */
export function judge(payment: EvmPayment, facts: EvmFacts) {
  return judgeEvmPayment({ payment, facts, nowSeconds, purpose: 'verify', factories: [], relayers: [] });
}

const requirements = {
  scheme: 'exact',
  network: 'eip155:84532',
  amount: '10000',
  asset: '0x036CbD53842c5426634e7929541eC2318f3dCF7e',
  payTo: '0x209693Bc6afc0C5328bA36FaF03C514EF312287C',
  maxTimeoutSeconds: 300,
  extra: { name: 'USDC', version: '2' },
};

export const authorization = {
  from: payer.address,
  to: requirements.payTo,
  value: '10000',
  validAfter: '0',
  validBefore: `${nowSeconds + 300n}`,
  nonce,
};

/** A request as the protocol hands it on; its signature is well formed and nobody's. */
export function goodRequest(): PaymentRequest {
  const parsed = parsePaymentRequest({
    x402Version: 2,
    paymentPayload: {
      x402Version: 2,
      accepted: requirements,
      payload: { signature: `0x${'11'.repeat(64)}1b`, authorization },
    },
    paymentRequirements: requirements,
  });
  if (!parsed.ok) throw new TypeError(parsed.message);
  return parsed.request;
}
