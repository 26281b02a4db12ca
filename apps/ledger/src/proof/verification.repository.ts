import type { Sql } from '@quittance/database';

import { noSeals, sealsDigest, sealsOf } from './checkpoint.js';
import { checkpointProblem, type CheckpointProblem } from './checkpoint-check.adapter.js';
import type { Digest } from './digest.js';
import {
  altered,
  type Discrepancy,
  imbalance,
  leafAltered,
  leafMissing,
  leafOf,
  missing,
  unbalanced,
} from './discrepancy.js';
import { endOf, Frontier } from './merkle-tree.js';
import { readLeaves, type StoredLeaf } from './sealed-transaction.repository.js';
import { storedLevels } from './tree.repository.js';

/** Leaves read at once. */
const chunk = 2_000;
const sealsChunk = 5_000;
/** Leaves that may be missing before they are no longer looked for one by one. */
const missingMax = 1_000_000;
/** Discrepancies that a report keeps: whoever sees so many needs no more. */
export const discrepanciesMax = 1_000;

export type Verification = {
  readonly leaves: number;
  readonly seals: number;
  readonly checkpoints: number;
  readonly discrepancies: readonly Discrepancy[];
};

/**
 * Compares the leaves of positions from `first` up to but without `end` with what stands in the books: what was changed,
 * taken away or put in another's place since it was sealed. Whether leaves themselves are as sealed, {@link verifyBooks} tells.
 */
export async function verifyLeaves(sql: Sql, first: number, end: number): Promise<Discrepancy[]> {
  const found: Discrepancy[] = [];
  for (let at = first; at < end && found.length < discrepanciesMax; at += chunk) {
    const to = Math.min(at + chunk, end);
    const leaves = await readLeaves(sql, at, to);
    found.push(...gaps(leaves, at, to), ...leaves.flatMap(compare));
  }
  return found.slice(0, discrepanciesMax);
}

function compare({ position, transactionId, leaf, transaction }: StoredLeaf): Discrepancy[] {
  if (transaction === null) return [missing(position, transactionId)];
  const sums = imbalance(transaction);
  return [
    ...(leafOf(transaction) === leaf ? [] : [altered(position, transactionId)]),
    ...(sums.length === 0 ? [] : [unbalanced(position, transaction, sums)]),
  ];
}

function gaps(leaves: readonly StoredLeaf[], first: number, end: number): Discrepancy[] {
  const found: Discrepancy[] = [];
  let next = first;
  for (const { position } of [...leaves, { position: end }]) {
    if (position > next) found.push(leafMissing(next, position));
    next = position + 1;
  }
  return found;
}

/**
 * Recomputes everything that was sealed, from the first transaction on: each leaf, each seal's root, each checkpoint with
 * its signature. `trustedKeys` are those that checkpoints may be signed with; unless told, those that the database names,
 * which whoever tampers may have replaced.
 */
export async function verifyBooks(
  sql: Sql,
  options: { readonly trustedKeys?: readonly string[] } = {},
): Promise<Verification> {
  const run = new BooksVerification(sql, options.trustedKeys);
  await run.leavesAndSeals();
  const { leaves, seals, checkpoints } = run;
  const found = [...run.found, ...(await neverSealed(sql)), ...(await queueAltered(sql))];
  return { leaves, seals, checkpoints, discrepancies: found.slice(0, discrepanciesMax) };
}

type SealRow = {
  readonly size: string;
  readonly first_position: string;
  readonly root: Digest;
  readonly sealed_at: Date;
  /** Its checkpoint, where there is one. */
  readonly note: string | null;
  readonly verifier_key: string | null;
};

type SubtreeDigest = { readonly level: number; readonly index: number; readonly digest: Digest };

class BooksVerification {
  readonly found: Discrepancy[] = [];
  leaves = 0;
  seals = 0;
  checkpoints = 0;
  /** Of the leaves as they are stored. */
  #stored = new Frontier();
  /** Of the transactions as they are; null while it is the same. */
  #recomputed: Frontier | null = null;
  /** Leaves since the last seal that are not those of their transactions. */
  #differing: StoredLeaf[] = [];
  /** Completed since they were last compared with those that are kept. */
  #subtrees: SubtreeDigest[] = [];
  #isLost = false;
  /** Over all seals so far, and how far they are signed. */
  #sealsDigest = noSeals;
  #signedSize = 0;

  constructor(
    private readonly sql: Sql,
    private readonly trustedKeys: readonly string[] | undefined,
  ) {}

  async leavesAndSeals(): Promise<void> {
    const total = await this.#total();
    let before: SealRow | undefined;
    let seals = await this.#sealsAfter(0);
    for (; seals.length > 0; seals = await this.#sealsAfter(Number(before?.size))) {
      const pending = seals.values();
      let seal = pending.next().value;
      const reach = (): void => {
        for (; seal !== undefined && Number(seal.size) <= this.leaves; seal = pending.next().value) {
          this.#checkOrder(seal, before);
          this.#checkCheckpoint(seal, this.#checkRoot(seal));
          this.seals += 1;
          before = seal;
        }
      };
      const end = Math.min(Number(seals.at(-1)?.size), total);
      while (this.leaves < end) {
        const to = Math.min(this.leaves + chunk, end);
        this.#take(await readLeaves(this.sql, this.leaves, to), to, reach);
      }
      await this.#checkSubtrees();
      if (seal === undefined) continue;
      this.found.push(leafMissing(this.leaves, Number(seals.at(-1)?.size)));
      break;
    }
    await this.#checkEnd();
  }

  /** Up to where there are leaves, unless more are missing than can be looked for one by one. */
  async #total(): Promise<number> {
    const [row] = await this.sql<{ count: string; total: string }>(
      'SELECT count(*)::text AS count, (coalesce(max(position), -1) + 1)::text AS total FROM ledger.leaf',
    );
    const [count, total] = [Number(row?.count), Number(row?.total)];
    if (total - count <= missingMax) return total;
    this.found.push(leafMissing(0, total));
    return 0;
  }

  async #sealsAfter(size: number): Promise<SealRow[]> {
    return this.sql<SealRow>(
      `SELECT s.size::text, s.first_position::text, encode(s.root, 'hex') AS root, s.sealed_at, c.note, c.verifier_key
         FROM ledger.seal s LEFT JOIN ledger.checkpoint c ON c.size = s.size
        WHERE s.size > $1::bigint ORDER BY s.size LIMIT $2`,
      [size, sealsChunk],
    );
  }

  #checkOrder(seal: SealRow, before: SealRow | undefined): void {
    const size = Number(seal.size);
    const from = Number(before?.size ?? 0);
    if (Number(seal.first_position) !== from)
      this.#say(
        'seal_missing',
        from,
        `between sizes ${from} and ${size} a seal is gone, or the one of ${size} begins elsewhere`,
      );
    if (before !== undefined && seal.sealed_at <= before.sealed_at)
      this.#say('seal_altered', size, `the seal of size ${size} is dated before the one of ${from}`);
  }

  /** Leaves up to `to`, and `reach` after each. */
  #take(leaves: readonly StoredLeaf[], to: number, reach: () => void): void {
    this.found.push(...gaps(leaves, this.leaves, to));
    for (const leaf of leaves) {
      while (this.leaves < leaf.position) this.#append('', '', reach);
      this.found.push(...compare(leaf).filter(({ kind }) => kind !== 'transaction_altered'));
      const recomputed = leaf.transaction === null ? leaf.leaf : leafOf(leaf.transaction);
      if (recomputed !== leaf.leaf) this.#differing.push(leaf);
      this.#append(leaf.leaf, recomputed, reach);
    }
    while (this.leaves < to) this.#append('', '', reach);
  }

  #append(stored: Digest, recomputed: Digest, reach: () => void): void {
    if (stored !== recomputed) this.#recomputed ??= this.#stored.copy();
    this.#recomputed?.append(recomputed);
    this.#stored.append(stored, 0, ({ level, index }, digest) => {
      if (storedLevels.includes(level)) this.#subtrees.push({ level, index, digest });
    });
    this.leaves += 1;
    reach();
  }

  /** Which of leaf and transaction is as it was sealed, the root tells. Gives the root that they come to. */
  #checkRoot({ size: text, root }: SealRow): Digest {
    const size = Number(text);
    const ofStored = this.#stored.root;
    const ofRecomputed = this.#recomputed?.root ?? ofStored;
    const areLeavesAltered = ofStored !== root && ofRecomputed === root;
    for (const { position, transactionId } of this.#differing)
      this.found.push((areLeavesAltered ? leafAltered : altered)(position, transactionId));
    this.#differing = [];
    if (areLeavesAltered && this.#recomputed !== null) this.#stored = this.#recomputed;
    if (areLeavesAltered || ofStored === root) {
      this.#recomputed = null;
      return root;
    }
    // Where leaves are gone no later root can come out: it is said once.
    if (!this.#isLost)
      this.#say('seal_altered', size, `the leaves below ${size} do not come to the root of the seal`);
    this.#isLost ||= this.found.some(({ kind }) => kind === 'leaf_missing');
    return ofStored;
  }

  #checkCheckpoint(
    { size: text, root, sealed_at: at, note, verifier_key: key }: SealRow,
    computed: Digest,
  ): void {
    const size = Number(text);
    const sealedAt = at.toISOString();
    this.#sealsDigest = sealsDigest(this.#sealsDigest, { size, root, sealedAt });
    if (note === null || key === null) return;
    this.checkpoints += 1;
    const isTrusted = this.trustedKeys?.includes(key) ?? true;
    const problem: CheckpointProblem | null = isTrusted
      ? checkpointProblem({ size, root: computed, sealedAt, seals: this.#sealsDigest }, note, key)
      : { kind: 'note', detail: 'is signed with a key that is not trusted' };
    if (problem?.kind === 'note')
      this.#say('checkpoint_altered', size, `the checkpoint of size ${size} ${problem.detail}`);
    if (problem?.kind === 'seals')
      this.#say(
        'seal_altered',
        size,
        `a seal above size ${this.#signedSize} and up to ${size} is not as it was signed`,
      );
    // Later ones go on from what was signed: what is wrong is said once.
    if (problem !== null) this.#sealsDigest = sealsOf(note);
    this.#signedSize = size;
  }

  async #checkEnd(): Promise<void> {
    const [end] = await this.sql<{ first: string | null; last: string | null }>(
      'SELECT min(position)::text AS first, max(position)::text AS last FROM ledger.leaf WHERE position >= $1::bigint',
      [this.leaves],
    );
    if (end?.first != null)
      this.#say(
        'leaf_beyond_seals',
        Number(end.first),
        `leaves ${end.first} to ${end.last ?? ''} are in no seal`,
      );
    const unsealed = await this.sql<{ size: string }>(
      `SELECT c.size::text FROM ledger.checkpoint c LEFT JOIN ledger.seal s ON s.size = c.size
        WHERE s.size IS NULL ORDER BY c.size LIMIT $1`,
      [discrepanciesMax],
    );
    for (const { size } of unsealed)
      this.#say('checkpoint_altered', Number(size), `the checkpoint of size ${size} is of no seal`);
    const early = await this.sql<{ level: number; index: string }>(
      'SELECT level, index::text FROM ledger.subtree WHERE (index + 1) << level::integer > $1::bigint LIMIT $2',
      [this.leaves, discrepanciesMax],
    );
    for (const { level, index } of early) this.#saySubtree({ level, index: Number(index) });
  }

  async #checkSubtrees(): Promise<void> {
    const completed = this.#subtrees;
    this.#subtrees = [];
    if (completed.length === 0) return;
    const wrong = await this.sql<{ place: string }>(
      `SELECT given.place::text
         FROM unnest($1::smallint[], $2::bigint[], $3::text[]) WITH ORDINALITY AS given (level, index, hash, place)
         LEFT JOIN ledger.subtree t ON t.level = given.level AND t.index = given.index
        WHERE encode(t.hash, 'hex') IS DISTINCT FROM given.hash ORDER BY given.place`,
      [
        completed.map(({ level }) => level),
        completed.map(({ index }) => index),
        completed.map(({ digest }) => digest),
      ],
    );
    for (const { place } of wrong) {
      const subtree = completed[Number(place) - 1];
      if (subtree !== undefined) this.#saySubtree(subtree);
    }
  }

  #saySubtree(subtree: { readonly level: number; readonly index: number }): void {
    const detail = `the kept hash of subtree ${subtree.index} of level ${subtree.level} is not that of its leaves`;
    this.#say('subtree_altered', endOf(subtree), detail);
  }

  #say(kind: Discrepancy['kind'], place: number, detail: string): void {
    this.found.push({ kind, place, transactionId: null, detail });
  }
}

/** Transactions that somebody put in past the queue, or whose leaf or row of the queue is gone. */
async function neverSealed(sql: Sql): Promise<Discrepancy[]> {
  const rows = await sql<{ id: string }>(
    `SELECT t.id::text FROM ledger.transaction t LEFT JOIN ledger.leaf l ON l.transaction_id = t.id
      WHERE l.position IS NULL
        AND NOT EXISTS (SELECT FROM ledger.unsealed u WHERE t.id BETWEEN u.first_id AND u.last_id AND t.xid = u.xid)
      ORDER BY t.id LIMIT $1`,
    [discrepanciesMax],
  );
  return rows.map(({ id }) => ({
    kind: 'transaction_never_sealed',
    place: null,
    transactionId: id,
    detail: `transaction ${id} is not sealed and not queued for it`,
  }));
}

async function queueAltered(sql: Sql): Promise<Discrepancy[]> {
  const rows = await sql<{ id: string; headers: string; found: string }>(
    `SELECT u.id::text, u.headers::text, c.found::text
       FROM ledger.unsealed u CROSS JOIN LATERAL (
         SELECT count(*) AS found FROM ledger.transaction t WHERE t.id BETWEEN u.first_id AND u.last_id AND t.xid = u.xid) c
      WHERE c.found <> u.headers ORDER BY u.id LIMIT $1`,
    [discrepanciesMax],
  );
  return rows.map(({ id, headers, found }) => ({
    kind: 'queue_altered',
    place: null,
    transactionId: null,
    detail: `of the ${headers} transactions that wait to be sealed by the number ${id} there are ${found}`,
  }));
}
