/**
 * Arrays for `unnest($1::…[])` in Postgres's binary format. As text every value is quoted, escaped and parsed again on the
 * other side; for thousands of rows that is most of what a statement costs.
 */
export const column = {
  /** Lower or upper case, with hyphens. */
  uuid: (values: readonly (string | null)[]): Buffer => fixed(values, uuidType, writeUuid),
  text: (values: readonly (string | null)[]): Buffer => variable(values.map(textOf), oids.text),
  bytea: (values: readonly (Uint8Array | null)[]): Buffer => variable(values, oids.bytea),
  int2: (values: readonly (number | null)[]): Buffer => fixed(values, int2Type, writeInt2),
  int4: (values: readonly (number | null)[]): Buffer => fixed(values, int4Type, writeInt4),
  int8: (values: readonly (bigint | null)[]): Buffer => fixed(values, int8Type, writeInt8),
  /** Whole numbers of any size. */
  numeric: (values: readonly (bigint | null)[]): Buffer => numericArray(values),
  /** Milliseconds since 1970. */
  timestamptz: (values: readonly (number | null)[]): Buffer => fixed(values, timestamptzType, writeTime),
} as const;

const oids = {
  bytea: 17,
  int8: 20,
  int2: 21,
  int4: 23,
  text: 25,
  timestamptz: 1184,
  numeric: 1700,
  uuid: 2950,
};

type FixedType = { readonly oid: number; readonly bytes: number };

const uuidType: FixedType = { oid: oids.uuid, bytes: 16 };
const int2Type: FixedType = { oid: oids.int2, bytes: 2 };
const int4Type: FixedType = { oid: oids.int4, bytes: 4 };
const int8Type: FixedType = { oid: oids.int8, bytes: 8 };
const timestamptzType: FixedType = { oid: oids.timestamptz, bytes: 8 };

const headBytes = 20;
const emptyHeadBytes = 12;
const lengthBytes = 4;
const nullLength = -1;

/** Dimensions, whether there are nulls, the element's type, how many, and that they count from 1. */
function writeHead(
  buffer: Buffer,
  oid: number,
  { count, hasNull }: { count: number; hasNull: boolean },
): void {
  buffer.writeInt32BE(count === 0 ? 0 : 1, 0);
  buffer.writeInt32BE(hasNull ? 1 : 0, 4);
  buffer.writeInt32BE(oid, 8);
  if (count === 0) return;
  buffer.writeInt32BE(count, 12);
  buffer.writeInt32BE(1, 16);
}

function fixed<Value>(
  values: readonly (Value | null)[],
  { oid, bytes }: FixedType,
  write: (buffer: Buffer, value: Value, at: number) => void,
): Buffer {
  const buffer = Buffer.allocUnsafe(
    values.length === 0 ? emptyHeadBytes : headBytes + values.length * (lengthBytes + bytes),
  );
  let at = headBytes;
  let hasNull = false;
  for (const value of values) {
    if (value === null) {
      at = buffer.writeInt32BE(nullLength, at);
      hasNull = true;
      continue;
    }
    at = buffer.writeInt32BE(bytes, at);
    write(buffer, value, at);
    at += bytes;
  }
  writeHead(buffer, oid, { count: values.length, hasNull });
  return at === buffer.length ? buffer : buffer.subarray(0, values.length === 0 ? emptyHeadBytes : at);
}

function variable(values: readonly (Uint8Array | null)[], oid: number): Buffer {
  let size = values.length === 0 ? emptyHeadBytes : headBytes;
  for (const value of values) size += lengthBytes + (value?.length ?? 0);
  const buffer = Buffer.allocUnsafe(size);
  let at = headBytes;
  let hasNull = false;
  for (const value of values) {
    at = buffer.writeInt32BE(value?.length ?? nullLength, at);
    if (value === null) hasNull = true;
    else {
      buffer.set(value, at);
      at += value.length;
    }
  }
  writeHead(buffer, oid, { count: values.length, hasNull });
  return buffer;
}

const textOf = (value: string | null): Buffer | null => (value === null ? null : Buffer.from(value, 'utf8'));

const writeInt2 = (buffer: Buffer, value: number, at: number): void => void buffer.writeInt16BE(value, at);
const writeInt4 = (buffer: Buffer, value: number, at: number): void => void buffer.writeInt32BE(value, at);
const writeInt8 = (buffer: Buffer, value: bigint, at: number): void => void buffer.writeBigInt64BE(value, at);

const uuidCharacters = 36;
/** Where each pair of digits begins. */
const uuidPairs = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34] as const;
const notADigit = 0xff;
const digitOf = Uint8Array.from({ length: 128 }, (_, code) => {
  const digit = Number.parseInt(String.fromCharCode(code), 16);
  return Number.isNaN(digit) ? notADigit : digit;
});

function writeUuid(buffer: Buffer, value: string, at: number): void {
  let isRight = value.length === uuidCharacters;
  for (let index = 0; index < uuidPairs.length; index += 1) {
    const pair = uuidPairs[index] as number;
    const high = digitOf[value.charCodeAt(pair)] ?? notADigit;
    const low = digitOf[value.charCodeAt(pair + 1)] ?? notADigit;
    isRight &&= high !== notADigit && low !== notADigit;
    buffer[at + index] = (high << 4) | low;
  }
  if (!isRight) throw new TypeError(`"${value}" is no UUID`);
}

const postgresEpochMs = Date.UTC(2000, 0, 1);
const microseconds = 1_000;
const wordBase = 2 ** 32;

function writeTime(buffer: Buffer, value: number, at: number): void {
  const sinceEpoch = (value - postgresEpochMs) * microseconds;
  if (!Number.isSafeInteger(sinceEpoch)) throw new TypeError(`${value} is no time in milliseconds`);
  const high = Math.floor(sinceEpoch / wordBase);
  buffer.writeInt32BE(high, at);
  buffer.writeUInt32BE(sinceEpoch - high * wordBase, at + lengthBytes);
}

/** Numerics are digits in base 10,000. */
const numericBase = 10_000;
const numericDigits = 4;
const numericHeadBytes = 8;
const negativeSign = 0x4000;
/** Digits of 2^256 and more; longer ones would only make the buffer grow. */
const numericBytesMax = lengthBytes + numericHeadBytes + 2 * 32;

function numericArray(values: readonly (bigint | null)[]): Buffer {
  if (values.length === 0) return variable([], oids.numeric);
  const buffer = Buffer.allocUnsafe(headBytes + values.length * numericBytesMax);
  let at = headBytes;
  let hasNull = false;
  for (const value of values) {
    if (value === null) {
      at = buffer.writeInt32BE(nullLength, at);
      hasNull = true;
    } else at = writeNumeric(buffer, value, at);
  }
  writeHead(buffer, oids.numeric, { count: values.length, hasNull });
  return buffer.subarray(0, at);
}

const safeMax = BigInt(Number.MAX_SAFE_INTEGER);

function writeNumeric(buffer: Buffer, value: bigint, at: number): number {
  const positive = value < 0n ? -value : value;
  const digits = positive <= safeMax ? digitsOfNumber(Number(positive)) : digitsOfText(positive.toString());
  const bytes = numericHeadBytes + 2 * digits.length;
  if (lengthBytes + bytes > numericBytesMax) throw new TypeError('a number of more than 128 digits');
  let next = buffer.writeInt32BE(bytes, at);
  next = buffer.writeInt16BE(digits.length, next);
  next = buffer.writeInt16BE(Math.max(0, digits.length - 1), next);
  next = buffer.writeUInt16BE(value < 0n ? negativeSign : 0, next);
  next = buffer.writeInt16BE(0, next);
  // The least significant comes first in `digits`, and last on the wire.
  for (let index = digits.length - 1; index >= 0; index -= 1)
    next = buffer.writeInt16BE(digits[index] as number, next);
  return next;
}

function digitsOfNumber(value: number): number[] {
  const digits: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / numericBase)) digits.push(rest % numericBase);
  return digits;
}

function digitsOfText(text: string): number[] {
  const digits: number[] = [];
  for (let end = text.length; end > 0; end -= numericDigits)
    digits.push(Number(text.slice(Math.max(0, end - numericDigits), end)));
  return digits;
}
