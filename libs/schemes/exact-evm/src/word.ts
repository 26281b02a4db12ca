import { keccak256 } from './keccak.js';

/** 32 bytes as 64 hex digits without 0x: concatenated, words make the ABI encoding of static types. */
export type Word = string;

export const wordBytes = 32;
const wordLength = 2 * wordBytes;
const shortBytes = 8;
const shortMax = 2n ** 64n - 1n;

/** An unsigned number below 2^256. */
export function numberWord(value: bigint | number): Word {
  return value.toString(16).padStart(wordLength, '0');
}

/** An address or other hex text of at most 32 bytes, aligned right. */
export function hexWord(hex: string): Word {
  return hex.slice(2).padStart(wordLength, '0');
}

/** Puts an unsigned number below 2^256 into a word of zeros, which is the `index`th. */
export function putNumber(words: Buffer, index: number, value: bigint): void {
  if (value <= shortMax) words.writeBigUInt64BE(value, (index + 1) * wordBytes - shortBytes);
  else words.write(numberWord(value), index * wordBytes, 'hex');
}

/** Puts an address or other hex text of at most 32 bytes into a word of zeros, aligned right. */
export function putHex(words: Buffer, index: number, hex: string): void {
  const digits = hex.slice(2);
  words.write(digits, (index + 1) * wordBytes - digits.length / 2, 'hex');
}

export function hashText(text: string): Buffer {
  return keccak256(Buffer.from(text, 'utf8'));
}

/** The ABI encoding of `bytes`: their length, and they themselves filled up to whole words. */
export function bytesWords(hex: string): string {
  const digits = hex.slice(2);
  const padded = digits.padEnd(Math.ceil(digits.length / wordLength) * wordLength, '0');
  return numberWord(digits.length / 2) + padded;
}
