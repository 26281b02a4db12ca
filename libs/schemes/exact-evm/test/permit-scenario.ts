import { atomicAmount, parseChainId } from '@quittance/money';
import { parsePaymentRequest, type PaymentRequest } from '@quittance/protocol';
import { permit2WitnessTypes, uptoPermit2WitnessTypes } from '@x402/evm';
import type { Address, Hex } from 'viem';

import {
  type EvmFacts,
  exactPermit2ProxyAddress,
  judgeEvmPayment,
  type Judged,
  permit2Address,
  type Permit2Payment,
  uptoPermit2ProxyAddress,
} from '../src/index.js';
import { asset, nonce, nowSeconds, payer, seller } from './scenario.js';

export const relayer: Address = '0x00000000000000000000000000000000000000f1';
export const factory: Address = '0x00000000000000000000000000000000000000fa';

export type PermitTerms = Omit<Permit2Payment, 'signature'>;

/** The permit as viem takes it, with the types that the published SDK signs. */
export function permitTypedDataOf(payment: PermitTerms) {
  const common = {
    domain: { name: 'Permit2', chainId: payment.chainNumber, verifyingContract: permit2Address },
    primaryType: 'PermitWitnessTransferFrom',
  } as const;
  const message = {
    permitted: { token: payment.token, amount: payment.value },
    spender: payment.spender,
    nonce: BigInt(payment.nonce),
    deadline: payment.validBefore,
  };
  const { payTo: to, facilitator, validAfter } = payment;
  return facilitator === null
    ? ({
        ...common,
        types: permit2WitnessTypes,
        message: { ...message, witness: { to, validAfter } },
      } as const)
    : ({
        ...common,
        types: uptoPermit2WitnessTypes,
        message: { ...message, witness: { to, facilitator, validAfter } },
      } as const);
}

/** Its hash is what the signer signs; the union of both schemes is more than viem's types take. */
export function signPermit(signer: typeof payer, payment: PermitTerms): Promise<Hex> {
  return signer.signTypedData(permitTypedDataOf(payment) as Parameters<typeof signer.signTypedData>[0]);
}

export type PermitScenario = {
  readonly terms: PermitTerms;
  readonly signer: typeof payer;
  readonly facts: EvmFacts;
  readonly purpose: Judged['purpose'];
};

export const exactScenario: PermitScenario = {
  terms: {
    scheme: 'exact',
    method: 'permit2',
    chainId: parseChainId('eip155:84532'),
    chainNumber: 84_532,
    asset,
    token: asset,
    payer: payer.address.toLowerCase() as Address,
    payTo: seller,
    value: atomicAmount(10_000n),
    validAfter: 0n,
    validBefore: nowSeconds + 300n,
    nonce,
    spender: exactPermit2ProxyAddress,
    facilitator: null,
    sponsoring: null,
    requirements: { payTo: seller, amount: atomicAmount(10_000n) },
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
    allowance: 2n ** 256n - 1n,
    proxyHasCode: true,
    tokenName: null,
    tokenVersion: null,
    simulation: { ok: true },
  },
  purpose: 'verify',
};

export const uptoScenario: PermitScenario = {
  ...exactScenario,
  terms: {
    ...exactScenario.terms,
    scheme: 'upto',
    spender: uptoPermit2ProxyAddress,
    facilitator: relayer,
  },
};

export async function permitOf({ terms, signer }: PermitScenario): Promise<Permit2Payment> {
  return { ...terms, signature: await signPermit(signer, terms) };
}

/** The verdict of a facilitator with one relayer that calls one factory. */
export function judgePermit(payment: Permit2Payment, { facts, purpose }: PermitScenario) {
  return judgeEvmPayment({ payment, facts, nowSeconds, purpose, factories: [factory], relayers: [relayer] });
}

const exactRequirements = {
  scheme: 'exact',
  network: 'eip155:84532',
  amount: '10000',
  asset: '0x036CbD53842c5426634e7929541eC2318f3dCF7e',
  payTo: '0x209693Bc6afc0C5328bA36FaF03C514EF312287C',
  maxTimeoutSeconds: 300,
  extra: { assetTransferMethod: 'permit2' },
};

export const permit2Authorization = {
  from: payer.address,
  permitted: { token: exactRequirements.asset, amount: '10000' },
  spender: '0x402085c248EeA27D92E8b30b2C58ed07f9E20001',
  nonce: BigInt(nonce).toString(),
  deadline: `${nowSeconds + 300n}`,
  witness: { to: exactRequirements.payTo, validAfter: '0' },
};

export const uptoAuthorization = {
  ...permit2Authorization,
  spender: '0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002',
  witness: { ...permit2Authorization.witness, facilitator: relayer },
};

/** A request as the protocol hands it on; its signature is well formed and nobody's. */
export function permitRequest(
  scheme: 'exact' | 'upto',
  extensions?: Record<string, unknown>,
): PaymentRequest {
  const requirements = { ...exactRequirements, scheme };
  const parsed = parsePaymentRequest({
    x402Version: 2,
    paymentPayload: {
      x402Version: 2,
      accepted: requirements,
      payload: {
        signature: `0x${'11'.repeat(64)}1b`,
        permit2Authorization: scheme === 'upto' ? uptoAuthorization : permit2Authorization,
      },
      extensions,
    },
    paymentRequirements: requirements,
  });
  if (!parsed.ok) throw new TypeError(parsed.message);
  return parsed.request;
}
