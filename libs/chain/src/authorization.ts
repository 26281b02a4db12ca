import { authorityOf, type EvmPayment } from '@quittance/exact-evm';
import type { Address, Hex } from 'viem';

import { addressWord, readBool, readUint } from './abi.js';
import type { Call } from './multicall.js';

/** What of a payment says whether its authorization is spent, and where. */
export type Authorization = Pick<EvmPayment, 'method' | 'asset' | 'payer' | 'nonce'>;

const authorizationStateSelector = '0xe94a0102';
const nonceBitmapSelector = '0x4fe02b44';
/** Permit2 keeps 256 nonces in a word: the last byte of a nonce is its bit, all before it the word's number. */
const bitDigits = 2;

/** Calldata of `authorizationState(address,bytes32)`. */
export function authorizationStateCall(authorizer: Address, nonce: Hex): Hex {
  return `${authorizationStateSelector}${addressWord(authorizer)}${nonce.slice(2)}`;
}

/** The call that tells whether an authorization is spent, be it used or canceled. */
export function spentCallOf(authorization: Authorization): Call {
  const { method, payer, nonce } = authorization;
  const to = authorityOf(authorization);
  if (method === 'eip3009') return { to, data: authorizationStateCall(payer, nonce) };
  const word = nonce.slice(2, -bitDigits).padStart(64, '0');
  return { to, data: `${nonceBitmapSelector}${addressWord(payer)}${word}` };
}

/** The answer to {@link spentCallOf}; null for one that is none. */
export function readSpent(
  { method, nonce }: Pick<Authorization, 'method' | 'nonce'>,
  answer: Hex,
): boolean | null {
  if (method === 'eip3009') return readBool(answer);
  const word = readUint(answer);
  if (word === null) return null;
  return ((word >> BigInt(`0x${nonce.slice(-bitDigits)}`)) & 1n) === 1n;
}
