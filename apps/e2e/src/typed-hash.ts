import createHash from 'keccak';
import secp256k1 from 'secp256k1';

/**
 * What signing typed data (EIP-712) takes, an order of magnitude faster than wallets do it. Written apart from the code
 * that it is used to measure.
 */
export const keccak = (bytes: Buffer): Buffer => createHash('keccak256').update(bytes).digest();

export const ofText = (text: string): Buffer => keccak(Buffer.from(text));

/** An address or other hex as a word. */
export const word = (hex: string): Buffer => Buffer.from(hex.replace('0x', '').padStart(64, '0'), 'hex');

export const numberWord = (value: bigint | number): Buffer => word(value.toString(16));

export const structHash = (type: Buffer, ...words: readonly Buffer[]): Buffer =>
  keccak(Buffer.concat([type, ...words]));

/** What is signed: the domain's separator and the struct's hash. */
export const typedDigest = (separator: Buffer, struct: Buffer): Buffer =>
  keccak(Buffer.concat([Buffer.from([0x19, 0x01]), separator, struct]));

/** The 65 bytes of a signature as hex. */
export function signDigest(key: Buffer, digest: Buffer): string {
  const { signature, recid } = secp256k1.ecdsaSign(digest, key);
  return `0x${Buffer.from(signature).toString('hex')}${(27 + recid).toString(16)}`;
}
