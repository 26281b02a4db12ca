import { createHash } from 'node:crypto';

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { type Digest, emptyRoot, leafDigest, nodeDigest } from './digest.js';
import {
  consistencySpans,
  cover,
  endOf,
  firstOf,
  Frontier,
  inclusionSpans,
  isConsistent,
  rootOfInclusion,
  spanDigest,
} from './merkle-tree.js';

/** RFC 6962 word for word (2.1, 2.1.1, 2.1.2) over leaves `first` up to but without `end`, to compare with. */
class Naive {
  readonly #roots = new Map<string, Digest>();

  constructor(private readonly leaves: readonly Digest[]) {}

  static split(n: number): number {
    return 2 ** (Math.ceil(Math.log2(n)) - 1);
  }

  root(first: number, end: number): Digest {
    const key = `${first} ${end}`;
    const known = this.#roots.get(key);
    const root = known ?? this.#rootOf(first, end);
    this.#roots.set(key, root);
    return root;
  }

  path(m: number, first: number, end: number): Digest[] {
    if (end - first === 1) return [];
    const middle = first + Naive.split(end - first);
    return m < middle
      ? [...this.path(m, first, middle), this.root(middle, end)]
      : [...this.path(m, middle, end), this.root(first, middle)];
  }

  /** SUBPROOF(m, D[first:end], b): `isWhole` is b. */
  proof(m: number, [first, end]: readonly [number, number], isWhole = true): Digest[] {
    if (m === end) return isWhole ? [] : [this.root(first, end)];
    const middle = first + Naive.split(end - first);
    return m <= middle
      ? [...this.proof(m, [first, middle], isWhole), this.root(middle, end)]
      : [...this.proof(m, [middle, end], false), this.root(first, middle)];
  }

  #rootOf(first: number, end: number): Digest {
    if (end === first) return createHash('sha256').digest('hex');
    if (end - first === 1) return this.leaves[first] ?? '';
    const middle = first + Naive.split(end - first);
    const joined = Buffer.from(`01${this.root(first, middle)}${this.root(middle, end)}`, 'hex');
    return createHash('sha256').update(joined).digest('hex');
  }
}

const sizesMax = 260;
const leaves = Array.from({ length: sizesMax }, (_, place) => leafDigest(`leaf ${place}`));
const naive = new Naive(leaves);
const roots = Array.from({ length: sizesMax + 1 }, (_, size) => naive.root(0, size));

const subtreeDigest = (subtree: { level: number; index: number }): Digest =>
  naive.root(firstOf(subtree), endOf(subtree));
const digests = (spans: readonly { first: number; end: number }[]): Digest[] =>
  spans.map((span) => spanDigest(span, subtreeDigest));

/** The eight leaves that implementations of Certificate Transparency test with, and what they have for them. */
const published = {
  leaves: ['', '\u0000', '\u0010', ' !', '01', '@ABC', 'PQRSTUVW', '`abcdefghijklmno'],
  roots: [
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
    'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
    '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
    'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
    '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
  ],
  inclusion: [
    { position: 0, size: 8, path: ['96a296d2', '5f083f0a', '6b47aaf2'] },
    { position: 5, size: 8, path: ['bc1a0643', 'ca854ea1', 'd37ee418'] },
    { position: 2, size: 3, path: ['fac54203'] },
    { position: 1, size: 5, path: ['6e340b9c', '5f083f0a', 'bc1a0643'] },
  ],
  consistency: [
    { from: 1, to: 8, path: ['96a296d2', '5f083f0a', '6b47aaf2'] },
    { from: 6, to: 8, path: ['0ebc5d34', 'ca854ea1', 'd37ee418'] },
    { from: 2, to: 5, path: ['5f083f0a', 'bc1a0643'] },
  ],
};

describe('the tree', () => {
  it('has the roots that RFC 6962 says, for every size and however it was taken up', () => {
    const tree = new Frontier();
    expect(tree.root).toBe(emptyRoot);
    for (const [place, leaf] of leaves.entries()) {
      tree.append(leaf);
      expect(tree.root).toBe(roots[place + 1]);
      const taken = cover(0, place + 1);
      expect(new Frontier(place + 1, taken.map(subtreeDigest)).root).toBe(tree.root);
      expect(tree.copy().root).toBe(tree.root);
    }
  });

  it('grows by whole subtrees as by their leaves', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: sizesMax }), fc.integer({ min: 0, max: sizesMax }), (a, b) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const tree = new Frontier(from, cover(0, from).map(subtreeDigest));
        for (const subtree of cover(from, to)) tree.append(subtreeDigest(subtree), subtree.level);
        expect(tree.size).toBe(to);
        expect(tree.root).toBe(roots[to]);
      }),
      { seed: 6962, numRuns: 300 },
    );
  });

  it('tells of each larger subtree once, when it is complete', () => {
    const tree = new Frontier();
    const told: string[] = [];
    for (const leaf of leaves.slice(0, 64))
      tree.append(leaf, 0, (subtree, digest) => {
        expect(endOf(subtree)).toBe(tree.size);
        expect(digest).toBe(subtreeDigest(subtree));
        told.push(`${subtree.level} ${subtree.index}`);
      });
    expect(new Set(told).size).toBe(told.length);
    expect(told).toHaveLength(63);
  });

  it('covers any stretch without gap or overlap', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 45 }),
        fc.integer({ min: 0, max: 2 ** 40 }),
        (first, length) => {
          let at = first;
          for (const subtree of cover(first, first + length)) {
            expect(firstOf(subtree)).toBe(at);
            at = endOf(subtree);
          }
          expect(at).toBe(first + length);
        },
      ),
      { seed: 6962 },
    );
  });
});

describe('a proof of inclusion', () => {
  it('is that of RFC 6962 and holds, for every leaf of every size', () => {
    const wrong: string[] = [];
    for (let size = 1; size <= sizesMax; size += size < 130 ? 1 : 13) {
      for (let position = 0; position < size; position += 1) {
        const path = digests(inclusionSpans(position, size));
        const isSame = path.join() === naive.path(position, 0, size).join();
        const root = rootOfInclusion({ position, size, leaf: leaves[position] ?? '', path });
        if (!isSame || root !== roots[size]) wrong.push(`${position} of ${size}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('does not hold for another leaf, place, size or path', () => {
    const size = fc.integer({ min: 2, max: sizesMax });
    fc.assert(
      fc.property(fc.tuple(size, fc.nat(), fc.nat(), fc.integer({ min: 0, max: 3 })), ([of, a, b, kind]) => {
        const position = a % of;
        const other = (position + 1 + (b % (of - 1))) % of;
        const path = digests(inclusionSpans(position, of));
        const proof = { position, size: of, leaf: leaves[position] ?? '', path };
        const wrong = [
          { ...proof, leaf: leaves[other] ?? '' },
          { ...proof, position: other },
          { ...proof, path: path.map((one, place) => (place === b % path.length ? leafDigest('x') : one)) },
          { ...proof, path: b % 2 === 0 ? path.slice(1) : [...path, leafDigest('x')] },
        ][kind];
        expect(wrong && rootOfInclusion(wrong)).not.toBe(roots[of]);
      }),
      { seed: 6962, numRuns: 500 },
    );
  });
});

describe('a proof of consistency', () => {
  it('is that of RFC 6962 and holds, for every two sizes', () => {
    const other = leafDigest('other');
    const wrong: string[] = [];
    for (let to = 1; to <= sizesMax; to += to < 130 ? 1 : 13) {
      for (let from = 1; from <= to; from += 1) {
        const path = digests(consistencySpans(from, to));
        const proof = { from, to, fromRoot: roots[from] ?? '', toRoot: roots[to] ?? '', path };
        const spoiled = [
          { ...proof, fromRoot: other },
          { ...proof, toRoot: other },
          { ...proof, path: [...path, other] },
          ...(path.length > 0 ? [{ ...proof, path: path.slice(1) }] : []),
          ...path.map((_, place) => ({ ...proof, path: path.with(place, other) })),
        ];
        const isSame = path.join() === naive.proof(from, [0, to]).join();
        if (!isSame || !isConsistent(proof) || spoiled.some(isConsistent)) wrong.push(`${from} of ${to}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('begins with nothing for an empty tree, and there is none backwards', () => {
    expect(isConsistent({ from: 0, to: 9, fromRoot: emptyRoot, toRoot: roots[9] ?? '', path: [] })).toBe(
      true,
    );
    expect(isConsistent({ from: 9, to: 8, fromRoot: roots[9] ?? '', toRoot: roots[8] ?? '', path: [] })).toBe(
      false,
    );
  });
});

describe('what others published', () => {
  const hashes = published.leaves.map(leafDigest);
  const digestOf = (subtree: { level: number; index: number }): Digest =>
    new Naive(hashes).root(firstOf(subtree), endOf(subtree));
  const beginnings = (spans: readonly { first: number; end: number }[]): string[] =>
    spans.map((span) => spanDigest(span, digestOf).slice(0, 8));

  it('are the same roots', () => {
    const tree = new Frontier();
    const ours = [tree.root, ...hashes.map((hash) => (tree.append(hash), tree.root))];
    expect(ours).toEqual(published.roots);
    expect(nodeDigest(hashes[0] ?? '', hashes[1] ?? '')).toBe(published.roots[2]);
  });

  it.each(published.inclusion)('is the same path of $position in $size', ({ position, size, path }) => {
    expect(beginnings(inclusionSpans(position, size))).toEqual(path);
  });

  it.each(published.consistency)('is the same proof of $from in $to', ({ from, to, path }) => {
    expect(beginnings(consistencySpans(from, to))).toEqual(path);
  });
});
