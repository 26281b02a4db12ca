import { randomBytes } from 'node:crypto';

import { devUsdc } from '@quittance/embedded';
import type { Hex } from 'viem';
import type { PrivateKeyAccount } from 'viem/accounts';

export const payTo = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC';

export type Payer = PrivateKeyAccount;

export type Wish = {
  readonly amount?: string;
  readonly value?: string;
  readonly to?: Hex;
  readonly nonce?: Hex;
  readonly validAfter?: string;
  readonly validBefore?: string;
  readonly domain?: {
    readonly name?: string;
    readonly version?: string;
    readonly chainId?: number;
    readonly verifyingContract?: Hex;
  };
  readonly requirements?: Readonly<Record<string, unknown>>;
};

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

/** A signed v2 request body; `wish` says what about it is to be unusual. */
export async function paymentBody(payer: Payer, wish: Wish = {}) {
  const amount = wish.amount ?? '10000';
  const authorization = {
    from: payer.address,
    to: wish.to ?? payTo,
    value: wish.value ?? amount,
    validAfter: wish.validAfter ?? '0',
    validBefore: wish.validBefore ?? `${Math.floor(Date.now() / 1000) + 300}`,
    nonce: wish.nonce ?? (`0x${randomBytes(32).toString('hex')}` as Hex),
  } as const;
  const signature = await payer.signTypedData({
    domain: {
      name: devUsdc.name,
      version: devUsdc.version,
      chainId: 84532,
      verifyingContract: devUsdc.address,
      ...wish.domain,
    },
    types: authorizationTypes,
    primaryType: 'TransferWithAuthorization',
    message: {
      ...authorization,
      value: BigInt(authorization.value),
      validAfter: BigInt(authorization.validAfter),
      validBefore: BigInt(authorization.validBefore),
    },
  });
  const requirements = {
    scheme: 'exact',
    network: 'eip155:84532',
    amount,
    asset: devUsdc.address as string,
    payTo: payTo as string,
    maxTimeoutSeconds: 300,
    extra: { name: devUsdc.name, version: devUsdc.version } as Record<string, unknown>,
    ...wish.requirements,
  };
  return {
    x402Version: 2,
    paymentPayload: {
      x402Version: 2,
      resource: { url: 'https://shop.example/weather?session=secret' },
      accepted: requirements,
      payload: { signature: signature as string, authorization: authorization as Record<string, string> },
    },
    paymentRequirements: requirements,
  };
}

export type Body = Awaited<ReturnType<typeof paymentBody>>;

/** The same payment as an x402 v1 seller sends it. */
export function asV1({ paymentPayload, paymentRequirements }: Body) {
  const { amount, network: _chain, ...rest } = paymentRequirements;
  return {
    x402Version: 1,
    paymentPayload: {
      x402Version: 1,
      scheme: 'exact',
      network: 'base-sepolia',
      payload: paymentPayload.payload,
    },
    paymentRequirements: {
      ...rest,
      network: 'base-sepolia',
      maxAmountRequired: amount,
      resource: 'https://shop.example/weather',
      description: '',
      mimeType: '',
      outputSchema: { input: { type: 'http', method: 'GET', discoverable: true } },
    },
  };
}
