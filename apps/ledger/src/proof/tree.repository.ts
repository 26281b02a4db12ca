import type { Sql } from '@quittance/database';

import { type Digest, nodeDigest } from './digest.js';
import { cover, Frontier, type Subtree } from './merkle-tree.js';
import { TreeBrokenError } from './proof-error.js';

/** The database keeps the hashes of leaves, and of each subtree of 2^8 of what it keeps below. */
export const storedLevels = [8, 16, 24, 32, 40];
const storedStep = 8;
const storedLevelMax = 40;

type HashesRow = { readonly place: number; readonly hashes: string | null };
type Wanted = { readonly place: number; readonly first: number; readonly count: number };

const leavesQuery = `
  SELECT given.place, (SELECT string_agg(encode(l.hash, 'hex'), '' ORDER BY l.position) FROM ledger.leaf l
                        WHERE l.position >= given.first AND l.position < given.first + given.count) AS hashes
    FROM unnest($1::integer[], $2::bigint[], $3::bigint[]) AS given (place, first, count)`;
const subtreesQuery = `
  SELECT given.place, (SELECT string_agg(encode(t.hash, 'hex'), '' ORDER BY t.index) FROM ledger.subtree t
                        WHERE t.level = $4::smallint AND t.index >= given.first AND t.index < given.first + given.count) AS hashes
    FROM unnest($1::integer[], $2::bigint[], $3::bigint[]) AS given (place, first, count)`;
const digestLength = 64;

/**
 * Hashes of complete subtrees, from what is stored at the level at or below each: a few hundred hashes at most for each.
 *
 * @throws TreeBrokenError where something of them is not stored, as somebody removed it.
 */
export async function digestsOf(sql: Sql, subtrees: readonly Subtree[]): Promise<Digest[]> {
  const byLevel = new Map<number, Wanted[]>();
  subtrees.forEach(({ level, index }, place) => {
    const stored = Math.min(level - (level % storedStep), storedLevelMax);
    const count = 2 ** (level - stored);
    byLevel.set(stored, [...(byLevel.get(stored) ?? []), { place, first: index * count, count }]);
  });
  const digests: Digest[] = [];
  await Promise.all(
    [...byLevel].map(async ([level, wanted]) => {
      const columns = [
        wanted.map(({ place }) => place),
        wanted.map(({ first }) => first),
        wanted.map(({ count }) => count),
      ];
      const rows =
        level === 0
          ? await sql<HashesRow>(leavesQuery, columns)
          : await sql<HashesRow>(subtreesQuery, [...columns, level]);
      for (const { place, hashes } of rows) {
        const count = wanted.find((one) => one.place === place)?.count ?? 0;
        if (hashes?.length !== count * digestLength) throw new TreeBrokenError(level, place);
        digests[place] = joined(hashes);
      }
    }),
  );
  return digests;
}

/** The hash over hashes of equal subtrees, as many as a power of 2. */
function joined(hashes: string): Digest {
  let level: Digest[] = [];
  for (let at = 0; at < hashes.length; at += digestLength) level.push(hashes.slice(at, at + digestLength));
  while (level.length > 1) {
    const above: Digest[] = [];
    for (let at = 0; at < level.length; at += 2) above.push(nodeDigest(level[at] ?? '', level[at + 1] ?? ''));
    level = above;
  }
  return level[0] ?? '';
}

/** What the tree of this size goes on from. */
export async function readFrontier(sql: Sql, size: number): Promise<Frontier> {
  return new Frontier(size, await digestsOf(sql, cover(0, size)));
}
