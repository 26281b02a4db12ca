const shortMax = 55;
const stringMark = 0x80;
const longStringMark = 0xb7;
const listMark = 0xc0;
const longListMark = 0xf7;

/** A number as Ethereum writes it: big-endian, without leading zeros; 0 is no bytes. */
export function numberBytes(value: bigint): Buffer {
  if (value === 0n) return Buffer.alloc(0);
  const digits = value.toString(16);
  return Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex');
}

/** A string of bytes in RLP (recursive length prefix), in parts to be put behind each other. */
export function rlpBytes(bytes: Buffer): readonly Buffer[] {
  const [first] = bytes;
  if (bytes.length === 1 && first !== undefined && first < stringMark) return [bytes];
  return [prefix(bytes.length, stringMark, longStringMark), bytes];
}

/** A list in RLP, from its encoded items. */
export function rlpList(items: readonly Buffer[]): readonly Buffer[] {
  const length = items.reduce((sum, item) => sum + item.length, 0);
  return [prefix(length, listMark, longListMark), ...items];
}

function prefix(length: number, shortMark: number, longMark: number): Buffer {
  if (length <= shortMax) return Buffer.from([shortMark + length]);
  const lengthBytes = numberBytes(BigInt(length));
  return Buffer.concat([Buffer.from([longMark + lengthBytes.length]), lengthBytes]);
}
