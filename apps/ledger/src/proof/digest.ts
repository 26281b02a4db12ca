import { hash } from 'node:crypto';

/** A SHA-256 as 64 hexadecimal digits. */
export type Digest = string;

export const digestPattern = /^[0-9a-f]{64}$/;

const leafPrefix = 0x00;
const nodePrefix = 0x01;
const digestBytes = 32;
const node = Buffer.alloc(1 + 2 * digestBytes);
node[0] = nodePrefix;
/** Grows to the largest leaf that came: what is hashed is read before anything else can run. */
let leaf = Buffer.alloc(4_096, leafPrefix);

/** RFC 6962: the hash of a leaf is that of a 0 and its bytes. */
export function leafDigest(text: string): Digest {
  // Three bytes is the most that a character takes.
  if (leaf.length < 1 + text.length * 3) leaf = Buffer.alloc(1 + text.length * 3, leafPrefix);
  const length = leaf.write(text, 1, 'utf8');
  return hash('sha256', leaf.subarray(0, 1 + length), 'hex');
}

/** RFC 6962: the hash of a node is that of a 1 and the hashes of what is below it, left and right. */
export function nodeDigest(left: Digest, right: Digest): Digest {
  node.write(left, 1, 'hex');
  node.write(right, 1 + digestBytes, 'hex');
  return hash('sha256', node, 'hex');
}

/** The root of a tree without leaves. */
export const emptyRoot: Digest = hash('sha256', '', 'hex');
