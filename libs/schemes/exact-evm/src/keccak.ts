import createHash from 'keccak';

/**
 * Keccak-256: native on the platforms for which the package brings a build, else in JavaScript. In JavaScript, hashing
 * a transaction of hundreds of transfers takes milliseconds.
 */
export function keccak256(bytes: Buffer): Buffer {
  return createHash('keccak256').update(bytes).digest();
}
