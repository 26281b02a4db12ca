import { randomBytes } from 'node:crypto';

import { type DevToken, devUsdc, mintDevToken } from '@quittance/embedded';
import { parseChainId } from '@quittance/money';
import { type PaymentId, paymentIdOf } from '@quittance/protocol';
import type { Anvil } from '@quittance/testing';
import type { Address, Hex } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';

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

export type PaymentOptions = {
  readonly amount?: bigint;
  readonly payTo?: Address;
  readonly token?: DevToken;
  readonly validAfter?: bigint;
  readonly validBefore?: bigint;
  readonly nonce?: Hex;
  /** The EIP-712 domain signed with, where it is not the token's. */
  readonly domain?: { readonly name?: string; readonly version?: string };
};

/** What a seller posts to /verify and /settle, protocol version 2, and the payment's id. */
export type SignedPayment = {
  readonly id: PaymentId;
  readonly nonce: Hex;
  readonly body: {
    readonly x402Version: 2;
    readonly paymentPayload: Record<string, unknown> & {
      payload: { signature: Hex; authorization: Record<string, string> };
    };
    readonly paymentRequirements: Record<string, unknown>;
  };
};

export const defaultAmount = 10_000n;
const validForS = 300n;

export const merchant: Address = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC';

/** Somebody with a key and some test tokens, and no gas. */
export class Payer {
  readonly key: Hex = generatePrivateKey();
  readonly account = privateKeyToAccount(this.key);

  static async funded(chain: Anvil, amount: bigint, token: DevToken = devUsdc): Promise<Payer> {
    const payer = new Payer();
    await mintDevToken(chain.rpcUrl, { token: token.address, to: payer.account.address, amount });
    return payer;
  }

  /** Signs a payment the way a version 2 client does. */
  async pay(chain: { readonly chainId: number }, options: PaymentOptions = {}): Promise<SignedPayment> {
    const { amount = defaultAmount, payTo = merchant, token = devUsdc, validAfter = 0n } = options;
    const validBefore = options.validBefore ?? BigInt(Math.floor(Date.now() / 1000)) + validForS;
    const nonce = options.nonce ?? `0x${randomBytes(32).toString('hex')}`;
    const message = { from: this.account.address, to: payTo, value: amount, validAfter, validBefore, nonce };
    const signature = await this.account.signTypedData({
      domain: {
        name: options.domain?.name ?? token.name,
        version: options.domain?.version ?? token.version,
        chainId: chain.chainId,
        verifyingContract: token.address,
      },
      types: authorizationTypes,
      primaryType: 'TransferWithAuthorization',
      message,
    });
    const network = `eip155:${chain.chainId}`;
    const requirements = {
      scheme: 'exact',
      network,
      amount: amount.toString(),
      asset: token.address,
      payTo,
      maxTimeoutSeconds: 300,
      extra: { name: token.name, version: token.version },
    };
    const authorization = {
      from: message.from,
      to: message.to,
      value: amount.toString(),
      validAfter: validAfter.toString(),
      validBefore: validBefore.toString(),
      nonce,
    };
    return {
      id: paymentIdOf({
        chainId: parseChainId(network),
        asset: token.address.toLowerCase(),
        payer: this.account.address.toLowerCase(),
        nonce,
      }),
      nonce,
      body: {
        x402Version: 2,
        paymentPayload: {
          x402Version: 2,
          resource: { url: 'https://shop.example/weather' },
          accepted: requirements,
          payload: { signature, authorization },
        },
        paymentRequirements: requirements,
      },
    };
  }
}
