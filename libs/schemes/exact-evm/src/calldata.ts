import type { Hex } from 'viem';

import type { ExactEvmPayment } from './payment.js';
import { readSignature } from './signature.js';
import { hexWord, numberWord, wordBytes } from './word.js';

const splitSelector = '0xe3ee160e';
const bytesSelector = '0xcf092995';
const bytesOverloadHeadWords = 7;

/**
 * Calldata of `transferWithAuthorization`: the v,r,s overload for a signature that an externally owned account can
 * have made, else the `bytes` overload, which tokens that have it answer with what is wrong.
 */
export function encodeTransferWithAuthorization(
  payment: Pick<
    ExactEvmPayment,
    'payer' | 'payTo' | 'value' | 'validAfter' | 'validBefore' | 'nonce' | 'signature'
  >,
): Hex {
  const authorization =
    hexWord(payment.payer) +
    hexWord(payment.payTo) +
    numberWord(payment.value) +
    numberWord(payment.validAfter) +
    numberWord(payment.validBefore) +
    hexWord(payment.nonce);
  const reading = readSignature(payment.signature);
  if (reading.ok) {
    const { r, s, parity } = reading.signature;
    return `${splitSelector}${authorization}${numberWord(27 + parity)}${r}${s}`;
  }
  const digits = payment.signature.slice(2);
  const padded = digits.padEnd(Math.ceil(digits.length / (wordBytes * 2)) * wordBytes * 2, '0');
  return `${bytesSelector}${authorization}${numberWord(bytesOverloadHeadWords * wordBytes)}${numberWord(digits.length / 2)}${padded}`;
}
