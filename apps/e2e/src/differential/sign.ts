import { devPermit2, wrapCounterfactual, wrapForDevWallet } from '@quittance/embedded';
import { encodeAbiParameters, type Hex, parseAbiParameters } from 'viem';

import { permitDigest, walletDigest } from '../quick-permit.js';
import { QuickSigner } from '../quick-signer.js';
import type { SeededRandom } from '../random.js';
import { signDigest } from '../typed-hash.js';
import { type Cast, type Draft, proxyOf, type TestPayer } from './draft.js';

/** The payer's signature over what a draft says, in the form that his kind has. */
export function signed(draft: Draft, cast: Cast, random: SeededRandom): string {
  const digest = draft.scene.method === 'permit2' ? digestOfPermit(draft, cast) : digestOfTransfer(draft);
  const { payer, signing } = draft;
  const bare = signedBy(payer, digest, { chainId: cast.chainId, boundTo: signing.boundTo });
  const changed = (signing.change?.(bare, random) ?? bare) as Hex;
  return inWrapping(draft, inForm(draft, changed));
}

type Binding = { readonly chainId: number; readonly boundTo?: string | null | undefined };

/** 65 bytes: an account's over the digest itself, a wallet's owner's over one that is bound to the wallet. */
export function signedBy(
  { wallet, key }: TestPayer,
  digest: Buffer,
  { chainId, boundTo = wallet?.address ?? null }: Binding,
): string {
  return signDigest(key, boundTo === null ? digest : walletDigest(digest, boundTo, chainId));
}

function digestOfTransfer({ domain, authorization }: Draft): Buffer {
  return new QuickSigner(domain).digest({
    ...authorization,
    value: BigInt(authorization.value),
    validAfter: BigInt(authorization.validAfter),
    validBefore: BigInt(authorization.validBefore),
  });
}

function digestOfPermit({ scene, token, permit, authorization }: Draft, cast: Cast): Buffer {
  const domain = permit.domain ?? { chainId: cast.chainId, verifyingContract: devPermit2.permit2 };
  const namesFacilitator = (scene.scheme === 'upto') !== (permit.isOfOtherScheme ?? false);
  return permitDigest(domain, {
    token: permit.token ?? token.address,
    amount: BigInt(authorization.value),
    spender: permit.spender ?? proxyOf(scene.scheme),
    nonce: BigInt(authorization.nonce),
    deadline: BigInt(authorization.validBefore),
    to: authorization.to,
    validAfter: BigInt(authorization.validAfter),
    facilitator: namesFacilitator ? (permit.facilitator ?? cast.relayer) : null,
  });
}

const wrapperTypes = parseAbiParameters('uint256, bytes');

function inForm({ payer, signing }: Draft, signature: Hex): Hex {
  if (payer.wallet === null || signing.form === 'bare') return signature;
  const { ownerIndex } = signing;
  if (ownerIndex === undefined) return wrapForDevWallet(signature);
  return encodeAbiParameters(wrapperTypes, [ownerIndex, signature]);
}

function inWrapping({ payer, signing }: Draft, signature: Hex): Hex {
  const { wrapping } = signing;
  if (wrapping === 'none' || payer.wallet === null) return signature;
  if (wrapping === undefined && payer.kind !== 'unmade') return signature;
  const { factory, data } = wrapping ?? {};
  const wallet = {
    ...payer.wallet,
    ...(factory === undefined ? {} : { factory: factory as Hex }),
    ...(data === undefined ? {} : { factoryData: data as Hex }),
  };
  return wrapCounterfactual(wallet, signature);
}
