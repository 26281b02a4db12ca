import { type Hex, hexToBytes, keccak256 } from 'viem';

const bloomPattern = /^0x[0-9a-fA-F]{512}$/;
/** Chains that do not keep filters fill them with ones, or with zeros. */
const fullPattern = /^0x[fF]+$/;
const bits = 2_048;
const bitsPerEntry = 3;

/** A block's filter as a node gives it; null when it is none, or fits everything. */
export function tellingBloom(value: unknown): Hex | null {
  if (typeof value !== 'string' || !bloomPattern.test(value) || fullPattern.test(value)) return null;
  return value as Hex;
}

/** Whether logs with all of these addresses and topics may be in a block: never wrongly no, sometimes wrongly yes. */
export function bloomFits(bloom: Hex, entries: readonly Hex[]): boolean {
  const bytes = hexToBytes(bloom);
  return entries.every((entry) => bitsOf(entry).every((bit) => isSet(bytes, bit)));
}

/** The part of a filter's bits that are set, from 0 to 1: what it fits by chance grows with it. */
export function bloomFullness(bloom: Hex): number {
  const bytes = hexToBytes(bloom);
  let set = 0;
  for (let bit = 0; bit < bits; bit += 1) if (isSet(bytes, bit)) set += 1;
  return set / bits;
}

function bitsOf(entry: Hex): number[] {
  const hash = keccak256(entry, 'bytes');
  return Array.from(
    { length: bitsPerEntry },
    (_, index) => (((hash[2 * index] ?? 0) << 8) | (hash[2 * index + 1] ?? 0)) % bits,
  );
}

/** Bit 0 is the last. */
function isSet(bytes: Uint8Array, bit: number): boolean {
  return (((bytes[bytes.length - 1 - (bit >> 3)] ?? 0) >> (bit & 7)) & 1) === 1;
}
