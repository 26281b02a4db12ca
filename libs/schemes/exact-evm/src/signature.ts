import secp256k1 from 'secp256k1';
import type { Address, Hex } from 'viem';

import { keccak256 } from './keccak.js';

/** An ECDSA signature of an externally owned account in the one form that tokens accept. */
export type EcdsaSignature = {
  /** 32 bytes as hex digits without 0x. */
  readonly r: string;
  readonly s: string;
  readonly parity: 0 | 1;
};

export type ReadSignature =
  | { readonly ok: true; readonly signature: EcdsaSignature }
  | { readonly ok: false; readonly problem: string };

const signatureBytes = 65;
/** Uncompressed, with the byte that says so. */
const publicKeyBytes = 65;
/** An address is the end of its key's hash. */
const addressOffset = 12;
const order = 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141';
const halfOrder = '7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0';
const zero = '0'.repeat(64);
const parities: ReadonlyMap<number, 0 | 1> = new Map([
  [0, 0],
  [1, 1],
  [27, 0],
  [28, 1],
]);

/** Which of the two signatures that each one has a contract takes: tokens the one with the lower s, Permit2 either. */
export type SRange = 'lower' | 'any';

/** Takes a signature apart (r, s, v), or says in a sentence why no contract would accept it. Takes lower-case hex. */
export function readSignature(signature: Hex, sRange: SRange = 'lower'): ReadSignature {
  const digits = signature.slice(2);
  if (digits.length !== signatureBytes * 2) {
    const what = digits.length < signatureBytes * 2 ? 'is truncated' : 'is too long';
    return malformed(`${what}: it has ${digits.length / 2} bytes where an account's has ${signatureBytes}`);
  }
  const r = digits.slice(0, 64);
  const s = digits.slice(64, 128);
  const v = Number.parseInt(digits.slice(128), 16);
  // Fixed width and lower case: the order of the texts is that of the numbers.
  if (r === zero || s === zero) return malformed('is empty: r or s is zero');
  if (r >= order || s >= order) return malformed('is not one: r or s lies beyond the order of the curve');
  if (sRange === 'lower' && s > halfOrder) {
    return malformed(
      'is malleable: s lies in the upper half of its range, and tokens take the lower half only',
    );
  }
  const parity = parities.get(v);
  if (parity === undefined) return malformed(`ends in ${v} where the recovery value v must be 27 or 28`);
  return { ok: true, signature: { r, s, parity } };
}

/** Who signed a digest; undefined where no key could have made this signature. */
export function recoverSigner(digest: Uint8Array, { r, s, parity }: EcdsaSignature): Address | undefined {
  const publicKey = Buffer.alloc(publicKeyBytes);
  try {
    secp256k1.ecdsaRecover(Buffer.from(r + s, 'hex'), parity, digest, false, publicKey);
  } catch {
    // The library throws where r is no point's x coordinate; its arguments were checked before.
    return undefined;
  }
  return `0x${keccak256(publicKey.subarray(1)).toString('hex', addressOffset)}`;
}

function malformed(problem: string): ReadSignature {
  return { ok: false, problem: `The signature ${problem}.` };
}
