import { randomBytes, randomUUID } from 'node:crypto';

import type { EvmNetwork } from '@quittance/chain';
import { createEvent, type EventOf } from '@quittance/events';
import { erc20AssetId } from '@quittance/money';
import { paymentIdOf } from '@quittance/protocol';
import type { PrivateKeyAccount } from 'viem/accounts';

type Hex = `0x${string}`;
export type Accepted = EventOf<'payment.accepted'>;

export const usdc: Hex = '0x036cbd53842c5426634e7929541ec2318f3dcf7e';
const transferTypes = {
  TransferWithAuthorization: [
    { name: 'from', type: 'address' },
    { name: 'to', type: 'address' },
    { name: 'value', type: 'uint256' },
    { name: 'validAfter', type: 'uint256' },
    { name: 'validBefore', type: 'uint256' },
    { name: 'nonce', type: 'bytes32' },
  ],
} as const;

const lower = (address: string): Hex => address.toLowerCase() as Hex;

/** A payment as the facilitator accepts it: signed by its payer, for ten hours. */
export async function acceptedBy(
  payer: PrivateKeyAccount,
  { chainId }: Pick<EvmNetwork, 'chainId'>,
  payTo: Hex,
): Promise<Accepted> {
  const now = BigInt(Math.floor(Date.now() / 1_000));
  const authorization = {
    from: lower(payer.address),
    to: lower(payTo),
    value: 10_000n,
    validAfter: now - 600n,
    validBefore: now + 36_000n,
    nonce: `0x${randomBytes(32).toString('hex')}` as Hex,
  };
  const signature = await payer.signTypedData({
    domain: {
      name: 'USDC',
      version: '2',
      chainId: Number(chainId.slice('eip155:'.length)),
      verifyingContract: usdc,
    },
    types: transferTypes,
    primaryType: 'TransferWithAuthorization',
    message: authorization,
  });
  const { from, nonce } = authorization;
  return createEvent({
    id: randomUUID(),
    type: 'payment.accepted',
    occurredAt: new Date(),
    causationId: null,
    data: {
      paymentId: paymentIdOf({ chainId, asset: usdc, payer: from, nonce }),
      chainId,
      asset: erc20AssetId(chainId, usdc),
      payer: from,
      payTo: authorization.to,
      amount: authorization.value.toString(),
      x402Version: 2,
      scheme: 'exact',
      method: 'eip3009',
      resource: null,
      authorization: {
        ...authorization,
        value: authorization.value.toString(),
        validAfter: authorization.validAfter.toString(),
        validBefore: authorization.validBefore.toString(),
      },
      signature,
    },
  });
}
