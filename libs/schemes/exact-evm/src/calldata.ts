import type { Address, Hex } from 'viem';

import { encodePermitSettlement, type PermitSettlement } from './permit2-calldata.js';
import type { Eip3009Payment, EvmPayment } from './payment.js';
import { readSignature } from './signature.js';
import { signatureKindOf } from './signature-kind.js';
import { bytesWords, hexWord, numberWord, wordBytes } from './word.js';

/** A call of a contract. */
export type Call = { readonly to: Address; readonly data: Hex };

/** What the calldata of an EIP-3009 transfer is made of. */
export type TransferAuthorization = Pick<
  Eip3009Payment,
  'payer' | 'payTo' | 'value' | 'validAfter' | 'validBefore' | 'nonce' | 'signature'
>;

/** What the one call that moves a payment's money is made of. */
export type Settlement =
  (TransferAuthorization & { readonly method: 'eip3009'; readonly asset: Address }) | PermitSettlement;

const splitSelector = '0xe3ee160e';
const bytesSelector = '0xcf092995';
const bytesOverloadHeadWords = 7;

/**
 * The one call that moves the money: the token's `transferWithAuthorization`, or `settle` of the scheme's Permit2
 * proxy, which is `settleWithPermit` where an EIP-2612 permit comes with the payment. By `upto` it takes
 * `requirements.amount`, and only the facilitator that the payer named may send it.
 */
export function settlementCallOf(settlement: Settlement): Call {
  if (settlement.method === 'permit2') return encodePermitSettlement(settlement);
  return { to: settlement.asset, data: encodeTransferWithAuthorization(settlement) };
}

/**
 * The call that deploys a wallet which does not exist yet, by its factory; null where the signature names no factory
 * or one that is not in the list. A factory is code of the payer's choice: nothing else may ever be called.
 */
export function deploymentCallOf(
  { signature }: Pick<EvmPayment, 'signature'>,
  factories: readonly Address[],
): Call | null {
  const kind = signatureKindOf(signature);
  if (kind.kind !== 'counterfactual' || !factories.includes(kind.factory)) return null;
  return { to: kind.factory, data: kind.factoryData };
}

/**
 * Calldata of `transferWithAuthorization`: the v,r,s overload for a signature that an externally owned account can
 * have made, else the `bytes` overload, which tokens that have it answer with what is wrong.
 */
export function encodeTransferWithAuthorization(payment: TransferAuthorization): Hex {
  const authorization =
    hexWord(payment.payer) +
    hexWord(payment.payTo) +
    numberWord(payment.value) +
    numberWord(payment.validAfter) +
    numberWord(payment.validBefore) +
    hexWord(payment.nonce);
  const kind = signatureKindOf(payment.signature);
  const reading = kind.kind === 'ecdsa' ? readSignature(payment.signature) : undefined;
  if (reading?.ok === true) {
    const { r, s, parity } = reading.signature;
    return `${splitSelector}${authorization}${numberWord(27 + parity)}${r}${s}`;
  }
  const signature = kind.kind === 'counterfactual' ? kind.innerSignature : payment.signature;
  return `${bytesSelector}${authorization}${numberWord(bytesOverloadHeadWords * wordBytes)}${bytesWords(signature)}`;
}
