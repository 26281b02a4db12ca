import { hexToString, type Hex } from 'viem';

/** 32 bytes as hex digits. */
const wordDigits = 64;
const textBytesMax = 256;

/** A `uint256` from the answer of a call; null unless the answer is exactly one word. */
export function readUint(data: Hex): bigint | null {
  return data.length === 2 + wordDigits ? BigInt(data) : null;
}

/** A `bool` from the answer of a call; null for anything but a well-formed one. */
export function readBool(data: Hex): boolean | null {
  const value = readUint(data);
  return value === 0n ? false : value === 1n ? true : null;
}

/** A `string` of at most 256 bytes from the answer of a call; null for anything else. */
export function readText(data: Hex): string | null {
  const digits = data.slice(2);
  const start = readLength(digits, 0);
  if (start === null) return null;
  const length = readLength(digits, start);
  if (length === null || length > textBytesMax) return null;
  const text = digits.slice((start + 32) * 2, (start + 32 + length) * 2);
  return text.length === length * 2 ? hexToString(`0x${text}`) : null;
}

/** A word at a byte offset as an offset or length; null where it is cut off or beyond what the data can hold. */
export function readLength(digits: string, offset: number): number | null {
  const word = digits.slice(offset * 2, offset * 2 + wordDigits);
  if (word.length !== wordDigits) return null;
  const value = BigInt(`0x${word}`);
  return value <= BigInt(digits.length / 2) ? Number(value) : null;
}

export function uintWord(value: bigint | number): string {
  return value.toString(16).padStart(wordDigits, '0');
}

export function addressWord(address: Hex): string {
  return address.slice(2).padStart(wordDigits, '0');
}
