/** An item of an RLP list: a byte string or a list. */
export type RlpItem = {
  readonly isList: boolean;
  /** What it holds; of a list the items' encodings one after another. */
  readonly content: Buffer;
  /** The whole encoding, head included. */
  readonly encoded: Buffer;
};

const shortMax = 55;
const stringBase = 0x80;
const listBase = 0xc0;
/** Lengths above this are nobody's. */
const lengthBytesMax = 3;

/**
 * Reads the items of a list that is all of the bytes; undefined where it is not one, in the one encoding that each
 * value has, or has more items than `itemsMax`. Does not look into lists within. Never throws.
 */
export function readRlpList(bytes: Buffer, itemsMax: number): readonly RlpItem[] | undefined {
  const list = readItem(bytes);
  if (list?.isList !== true || list.encoded.length !== bytes.length) return undefined;
  const items: RlpItem[] = [];
  let rest = list.content;
  while (rest.length > 0) {
    const item = items.length < itemsMax ? readItem(rest) : undefined;
    if (item === undefined) return undefined;
    items.push(item);
    rest = rest.subarray(item.encoded.length);
  }
  return items;
}

/** The encoding of a list of items that are encoded already. */
export function rlpListOf(encodings: readonly Buffer[]): Buffer {
  const content = Buffer.concat(encodings);
  if (content.length <= shortMax) return Buffer.concat([Buffer.from([listBase + content.length]), content]);
  const length = bytesOf(BigInt(content.length));
  return Buffer.concat([Buffer.from([listBase + shortMax + length.length]), length, content]);
}

/** The encoding of a number of at most 55 bytes. */
export function rlpNumber(value: bigint): Buffer {
  const bytes = bytesOf(value);
  const [first = stringBase] = bytes;
  if (bytes.length === 1 && first < stringBase) return bytes;
  return Buffer.concat([Buffer.from([stringBase + bytes.length]), bytes]);
}

function readItem(bytes: Buffer): RlpItem | undefined {
  const [first] = bytes;
  if (first === undefined) return undefined;
  if (first < stringBase) return sliced(bytes, { isList: false, start: 0, length: 1 });
  const isList = first >= listBase;
  const size = first - (isList ? listBase : stringBase);
  return size <= shortMax ? readShort(bytes, { isList, size }) : readLong(bytes, { isList, size });
}

type Head = { readonly isList: boolean; readonly size: number };

function readShort(bytes: Buffer, { isList, size }: Head): RlpItem | undefined {
  const item = sliced(bytes, { isList, start: 1, length: size });
  // One small byte stands for itself.
  const isForByte = !isList && size === 1 && (item?.content[0] ?? 0) < stringBase;
  return isForByte ? undefined : item;
}

function readLong(bytes: Buffer, { isList, size }: Head): RlpItem | undefined {
  const lengthBytes = size - shortMax;
  if (lengthBytes > lengthBytesMax || bytes.length < 1 + lengthBytes || bytes[1] === 0) return undefined;
  const length = bytes.readUIntBE(1, lengthBytes);
  return length > shortMax ? sliced(bytes, { isList, start: 1 + lengthBytes, length }) : undefined;
}

function sliced(
  bytes: Buffer,
  { isList, start, length }: { readonly isList: boolean; readonly start: number; readonly length: number },
): RlpItem | undefined {
  const end = start + length;
  if (end > bytes.length) return undefined;
  return { isList, content: bytes.subarray(start, end), encoded: bytes.subarray(0, end) };
}

/** Big-endian without leading zeros; 0 has no bytes. */
function bytesOf(value: bigint): Buffer {
  if (value === 0n) return Buffer.alloc(0);
  const digits = value.toString(16);
  return Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex');
}
