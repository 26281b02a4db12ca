import { type Digest, emptyRoot, nodeDigest } from './digest.js';

/**
 * The Merkle tree of RFC 6962. Sizes and positions are whole numbers below 2^48, exact as a `number`: some 280 billion
 * transactions of books, years of the fastest posting there is.
 */
export const sizeMax = 2 ** 48;

/** A complete subtree: leaves `index * 2^level` up to but without `(index + 1) * 2^level`. */
export type Subtree = { readonly level: number; readonly index: number };

export const firstOf = ({ level, index }: Subtree): number => index * 2 ** level;
export const endOf = ({ level, index }: Subtree): number => (index + 1) * 2 ** level;

/** The complete subtrees, left to right, that leaves `first` up to but without `end` are made of: as few as there can be. */
export function cover(first: number, end: number): Subtree[] {
  const subtrees: Subtree[] = [];
  for (let at = first; at < end;) {
    let level = 0;
    while (at % 2 ** (level + 1) === 0 && at + 2 ** (level + 1) <= end) level += 1;
    subtrees.push({ level, index: at / 2 ** level });
    at += 2 ** level;
  }
  return subtrees;
}

/** The subtrees that a tree of this size is made of, and a hash for each. */
export class Frontier {
  /** Hash by level of the complete subtrees, as the bits of the size say which there are. */
  readonly #digests: Digest[];
  #size: number;

  /** @param digests of `cover(0, size)`, in that order. */
  constructor(size = 0, digests: readonly Digest[] = []) {
    this.#size = size;
    this.#digests = [];
    cover(0, size).forEach(({ level }, place) => {
      this.#digests[level] = digests[place] ?? '';
    });
  }

  get size(): number {
    return this.#size;
  }

  copy(): Frontier {
    return new Frontier(
      this.#size,
      cover(0, this.#size).map(({ level }) => this.#digests[level] ?? ''),
    );
  }

  /**
   * Adds a complete subtree, a leaf unless told, right of what there is; its place must be its own. Tells of each larger
   * one that it completes.
   */
  append(digest: Digest, level = 0, onComplete?: (subtree: Subtree, digest: Digest) => void): void {
    let joined = digest;
    let above = level;
    this.#size += 2 ** level;
    for (let index = this.#size / 2 ** level; index % 2 === 0; index /= 2) {
      joined = nodeDigest(this.#digests[above] ?? '', joined);
      above += 1;
      onComplete?.({ level: above, index: index / 2 - 1 }, joined);
    }
    this.#digests[above] = joined;
  }

  get root(): Digest {
    return joinedRoot(cover(0, this.#size).map(({ level }) => this.#digests[level] ?? ''));
  }
}

/** The root over neighbouring subtrees that get smaller to the right. */
function joinedRoot(digests: readonly Digest[]): Digest {
  return digests.length === 0 ? emptyRoot : digests.reduceRight((right, left) => nodeDigest(left, right));
}

/** The largest power of 2 below a size. */
function split(size: number): number {
  let half = 1;
  while (half * 2 < size) half *= 2;
  return half;
}

/** Leaves from `first` up to but without `end`, that one hash of a proof stands for. */
export type Span = { readonly first: number; readonly end: number };

/** The spans whose hashes prove that a leaf is in a tree: RFC 6962, 2.1.1, the nearest first. */
export function inclusionSpans(position: number, size: number): Span[] {
  const spans: Span[] = [];
  let [first, end] = [0, size];
  while (end - first > 1) {
    const middle = first + split(end - first);
    if (position < middle) {
      spans.push({ first: middle, end });
      end = middle;
    } else {
      spans.push({ first, end: middle });
      first = middle;
    }
  }
  return spans.reverse();
}

/** The spans whose hashes prove that a tree begins with a smaller one: RFC 6962, 2.1.2. */
export function consistencySpans(from: number, to: number): Span[] {
  if (from === 0 || from === to) return [];
  const spans: Span[] = [];
  let [first, end] = [0, to];
  let isWhole = true;
  // The smaller tree's right edge is followed down; what lies beside it is what the proof needs.
  while (from !== end) {
    const middle = first + split(end - first);
    if (from <= middle) {
      spans.push({ first: middle, end });
      end = middle;
    } else {
      spans.push({ first, end: middle });
      first = middle;
      isWhole = false;
    }
  }
  if (!isWhole) spans.push({ first, end });
  return spans.reverse();
}

/** The hash of a span of which the complete subtrees are known. */
export function spanDigest({ first, end }: Span, digestOf: (subtree: Subtree) => Digest): Digest {
  return joinedRoot(cover(first, end).map(digestOf));
}

export type InclusionProof = {
  readonly position: number;
  readonly size: number;
  readonly leaf: Digest;
  readonly path: readonly Digest[];
};

/** The root that the proof comes to, or null where it cannot be a proof of such a tree: RFC 9162, 2.1.3.2. */
export function rootOfInclusion({ position, size, leaf, path }: InclusionProof): Digest | null {
  if (position >= size) return null;
  const spans = inclusionSpans(position, size);
  if (spans.length !== path.length) return null;
  return spans.reduce((digest, { first }, place) => {
    const beside = path[place] ?? '';
    return first > position ? nodeDigest(digest, beside) : nodeDigest(beside, digest);
  }, leaf);
}

export type ConsistencyProof = {
  readonly from: number;
  readonly to: number;
  readonly fromRoot: Digest;
  readonly toRoot: Digest;
  readonly path: readonly Digest[];
};

/** Whether the larger tree begins with the smaller one: RFC 9162, 2.1.4.2. */
export function isConsistent(proof: ConsistencyProof): boolean {
  const { from, to, fromRoot, toRoot, path } = proof;
  if (from > to) return false;
  if (from === to) return path.length === 0 && fromRoot === toRoot;
  if (from === 0) return path.length === 0 && fromRoot === emptyRoot;
  const roots = rootsOfConsistency(proof);
  return roots !== null && roots.ofSmaller === fromRoot && roots.ofLarger === toRoot;
}

function rootsOfConsistency({ from, to, fromRoot, path }: ConsistencyProof) {
  const spans = consistencySpans(from, to);
  if (spans.length !== path.length) return null;
  // A smaller tree that is one complete subtree of the larger one is known by its root alone.
  const isWhole = (spans[0]?.end ?? 0) > from;
  const [seed = '', ...besides] = isWhole ? [fromRoot, ...path] : path;
  let [ofSmaller, ofLarger] = [seed, seed];
  (isWhole ? spans : spans.slice(1)).forEach(({ first }, place) => {
    const beside = besides[place] ?? '';
    if (first < from) ofSmaller = nodeDigest(beside, ofSmaller);
    ofLarger = first < from ? nodeDigest(beside, ofLarger) : nodeDigest(ofLarger, beside);
  });
  return { ofSmaller, ofLarger };
}
