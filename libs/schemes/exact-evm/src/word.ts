import { keccak_256 } from '@noble/hashes/sha3.js';
import { bytesToHex, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';

/** 32 bytes as 64 hex digits without 0x: concatenated, words make the ABI encoding of static types. */
export type Word = string;

const wordLength = 64;

/** An unsigned number below 2^256. */
export function numberWord(value: bigint | number): Word {
  return value.toString(16).padStart(wordLength, '0');
}

/** An address or other hex text of at most 32 bytes, aligned right. */
export function hexWord(hex: string): Word {
  return hex.slice(2).padStart(wordLength, '0');
}

export function hashText(text: string): Word {
  return bytesToHex(keccak_256(utf8ToBytes(text)));
}

/** Keccak-256 of bytes written as hex digits without 0x. */
export function hashHex(digits: string): Uint8Array {
  return keccak_256(hexToBytes(digits));
}
