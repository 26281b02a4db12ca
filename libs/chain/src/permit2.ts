import type { Address, Hex } from 'viem';

import { addressWord } from './abi.js';

const allowanceSelector = '0xdd62ed3e';
const balanceOfSelector = '0x70a08231';
/** Nonces whose bits share a word of the bitmap. */
const wordBits = 8n;
const bitMask = 255n;

/** Which word of the bitmap a nonce belongs to: all of it but the last byte. */
export function nonceWordOf(nonce: Hex): bigint {
  return BigInt(nonce) >> wordBits;
}

/** Whether a nonce's bit is set in its word, or in a mask over that word. */
export function isInMask(mask: bigint, nonce: Hex): boolean {
  return ((mask >> (BigInt(nonce) & bitMask)) & 1n) === 1n;
}

/** Calldata of `balanceOf(address)`. */
export function balanceOfCall(account: Address): Hex {
  return `${balanceOfSelector}${addressWord(account)}`;
}

/** Calldata of `allowance(address,address)`. */
export function allowanceCall(owner: Address, spender: Address): Hex {
  return `${allowanceSelector}${addressWord(owner)}${addressWord(spender)}`;
}
