import { Injectable } from '@nestjs/common';
import { Database } from '@quittance/database';

import { type Page, pageOf } from '../http/page.js';
import type { Digest } from './digest.js';
import { consistencySpans, cover, inclusionSpans, type Span, spanDigest } from './merkle-tree.js';
import type { CheckpointView, CheckpointsQuery } from './proof.schema.js';
import { readLeaves, type StoredLeaf } from './sealed-transaction.repository.js';
import { digestsOf } from './tree.repository.js';

/** Where a transaction stands: `posted` and not sealed yet, or a leaf. */
export type Standing =
  { readonly at: 'nowhere' } | { readonly at: 'posted' } | { readonly at: 'leaf'; readonly position: number };

export type SealView = { readonly size: number; readonly root: Digest; readonly sealedAt: Date };

type CheckpointRow = {
  readonly size: string;
  readonly note: string;
  readonly verifier_key: string;
  readonly signed_at: Date;
};

const checkpointColumns = 'c.size::text, c.note, c.verifier_key, c.signed_at';

/** Reads proofs. What of the tree it reads, the callers hold against the roots that were sealed. */
@Injectable()
export class ProofRepository {
  constructor(private readonly database: Database) {}

  async standing(transactionId: string): Promise<Standing> {
    const [row] = await this.database.sql<{ position: string | null }>(
      `SELECT l.position::text FROM ledger.transaction t LEFT JOIN ledger.leaf l ON l.transaction_id = t.id
        WHERE t.id = $1::bigint`,
      [transactionId],
    );
    if (row === undefined) return { at: 'nowhere' };
    return row.position === null ? { at: 'posted' } : { at: 'leaf', position: Number(row.position) };
  }

  async leaf(position: number): Promise<StoredLeaf | undefined> {
    const [leaf] = await readLeaves(this.database.sql, position, position + 1);
    return leaf;
  }

  /** The seal that first held this leaf: since then the transaction is known. */
  async sealOf(position: number): Promise<SealView | null> {
    return this.#seal('s.size > $1::bigint ORDER BY s.size LIMIT 1', position);
  }

  async latestSeal(): Promise<SealView | null> {
    return this.#seal('$1::bigint = 0 ORDER BY s.size DESC LIMIT 1', 0);
  }

  /** The seal of exactly this size, where there is one: what is computed of the tree must come to its root. */
  async sealOfSize(size: number): Promise<SealView | null> {
    return this.#seal('s.size = $1::bigint', size);
  }

  inclusionPath(position: number, size: number): Promise<Digest[]> {
    return this.#digests(inclusionSpans(position, size));
  }

  consistencyPath(from: number, to: number): Promise<Digest[]> {
    return this.#digests(consistencySpans(from, to));
  }

  async rootOf(size: number): Promise<Digest> {
    const [root = ''] = await this.#digests([{ first: 0, end: size }]);
    return root;
  }

  async checkpoints({ cursor, limit }: CheckpointsQuery): Promise<Page<CheckpointView>> {
    const rows = await this.database.sql<CheckpointRow>(
      `SELECT ${checkpointColumns} FROM ledger.checkpoint c WHERE c.size > $1::bigint ORDER BY c.size LIMIT $2`,
      [cursor?.[0] ?? '0', limit + 1],
    );
    return pageOf({ rows, limit, keys: ({ size }) => [size], view: checkpointView });
  }

  async latestCheckpoint(): Promise<CheckpointView | null> {
    return this.#checkpoint('true ORDER BY c.size DESC LIMIT 1', []);
  }

  async checkpointOfSize(size: number): Promise<CheckpointView | null> {
    return this.#checkpoint('c.size = $1::bigint', [size]);
  }

  /** Every key that a checkpoint was ever signed with, the latest first. */
  async keys(): Promise<{ readonly verifierKey: string; readonly firstUsed: string }[]> {
    const rows = await this.database.sql<{ verifier_key: string; first_used: Date }>(
      'SELECT verifier_key, first_used FROM ledger.checkpoint_key ORDER BY first_used DESC LIMIT 1000',
    );
    return rows.map((row) => ({ verifierKey: row.verifier_key, firstUsed: row.first_used.toISOString() }));
  }

  /** One question for all of them. */
  async #digests(spans: readonly Span[]): Promise<Digest[]> {
    const subtrees = spans.flatMap(({ first, end }) => cover(first, end));
    const digests = await digestsOf(this.database.sql, subtrees);
    const known = new Map(
      subtrees.map(({ level, index }, place) => [`${level} ${index}`, digests[place] ?? '']),
    );
    return spans.map((span) => spanDigest(span, ({ level, index }) => known.get(`${level} ${index}`) ?? ''));
  }

  async #seal(condition: string, value: number): Promise<SealView | null> {
    const [row] = await this.database.sql<{ size: string; root: Digest; sealed_at: Date }>(
      `SELECT s.size::text, encode(s.root, 'hex') AS root, s.sealed_at FROM ledger.seal s WHERE ${condition}`,
      [value],
    );
    return row === undefined ? null : { size: Number(row.size), root: row.root, sealedAt: row.sealed_at };
  }

  async #checkpoint(condition: string, values: readonly unknown[]): Promise<CheckpointView | null> {
    const [row] = await this.database.sql<CheckpointRow>(
      `SELECT ${checkpointColumns} FROM ledger.checkpoint c WHERE ${condition}`,
      values,
    );
    return row === undefined ? null : checkpointView(row);
  }
}

const checkpointView = (row: CheckpointRow): CheckpointView => ({
  size: Number(row.size),
  note: row.note,
  verifierKey: row.verifier_key,
  signedAt: row.signed_at.toISOString(),
});
