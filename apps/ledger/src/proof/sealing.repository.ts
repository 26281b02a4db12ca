import { setImmediate as nextTurn } from 'node:timers/promises';

import type { Database, Sql } from '@quittance/database';
import { crashPoint } from '@quittance/observability';

import { CommittedReader, type CommittedTransaction, type UnsealedBatch } from './committed.repository.js';
import { leafDigest } from './digest.js';
import type { Frontier } from './merkle-tree.js';
import { QueueBrokenError } from './proof-error.js';
import { readFrontier, storedLevels } from './tree.repository.js';

/** Transactions in one seal at most: what is held in memory at once. */
export const sealedMax = 5_000;
/** Rows of the queue that are looked at for one seal. */
const batchesMax = 1_000;
/** Transactions hashed before others get a turn: about two milliseconds. */
const turnMax = 500;

/** `busy`: another replica is at it. */
export type Sealing =
  | {
      readonly outcome: 'sealed';
      readonly transactions: number;
      readonly size: number;
      readonly more: boolean;
    }
  | { readonly outcome: 'nothing' | 'busy' };

type Work = { readonly batches: readonly UnsealedBatch[]; readonly lastId: number; readonly more: boolean };
type Range = { readonly first: number; readonly last: number };

/** Seals what was committed since the last seal: replicas take turns, and the database holds them to one order. */
export class SealingRepository {
  readonly #reader = new CommittedReader();
  /** As of the last seal that this process made. */
  #frontier: Frontier | undefined;

  constructor(
    private readonly database: Database,
    private readonly max = sealedMax,
  ) {}

  /**
   * Makes one seal of at most {@link sealedMax} transactions. All of it is committed or nothing.
   *
   * @throws QueueBrokenError, TreeBrokenError after tampering; DatabaseUnavailableError and the like.
   */
  async seal(): Promise<Sealing> {
    const sealed = await this.database.transaction(async ({ sql }) => {
      const [lock] = await sql<{ taken: boolean }>(
        `SELECT pg_try_advisory_xact_lock(hashtextextended('ledger.sealer', 0)) AS taken`,
      );
      if (lock?.taken !== true) return 'busy';
      const work = await chooseWork(sql, this.max);
      if (work === null) return 'nothing';
      const frontier = await this.#currentFrontier(sql);
      const transactions = await this.#transactionsOf(sql, work);
      crashPoint('ledger.sealing');
      await append(sql, { work, frontier, transactions });
      return { frontier, transactions: transactions.length, more: work.more };
    });
    if (sealed === 'busy' || sealed === 'nothing') return { outcome: sealed };
    crashPoint('ledger.sealed');
    // Only now is it there for sure.
    this.#frontier = sealed.frontier;
    return {
      outcome: 'sealed',
      transactions: sealed.transactions,
      size: sealed.frontier.size,
      more: sealed.more,
    };
  }

  async #currentFrontier(sql: Sql): Promise<Frontier> {
    const [row] = await sql<{ size: string }>('SELECT coalesce(max(size), 0)::text AS size FROM ledger.seal');
    const size = Number(row?.size);
    return this.#frontier?.size === size ? this.#frontier.copy() : readFrontier(sql, size);
  }

  /** In the order of the queue, and by id within each of its rows. */
  async #transactionsOf(sql: Sql, { batches, lastId }: Work): Promise<CommittedTransaction[]> {
    const read: CommittedTransaction[] = [];
    for (const { first, last } of rangesOf(batches, lastId))
      read.push(...(await this.#reader.read(sql, first, last)));
    const byXid = Map.groupBy(read, ({ xid }) => xid);
    return batches.flatMap((batch, place) => {
      const first = Number(batch.first_id);
      const last = place === batches.length - 1 ? lastId : Number(batch.last_id);
      const own = (byXid.get(batch.xid) ?? []).filter(({ id }) => id >= first && id <= last);
      const isCut = last < Number(batch.last_id);
      if (own.length === 0 || (!isCut && own.length !== Number(batch.headers)))
        throw new QueueBrokenError(batch.id, batch.headers, own.length);
      return own;
    });
  }
}

/** Rows of the queue, whole, as many as fit; one that does not fit by itself is cut. */
async function chooseWork(sql: Sql, max: number): Promise<Work | null> {
  const queue = await sql<UnsealedBatch>(
    `SELECT id::text, first_id::text, last_id::text, xid::text, headers::text FROM ledger.unsealed u ORDER BY u.id LIMIT $1`,
    [batchesMax],
  );
  const [oldest] = queue;
  if (oldest === undefined) return null;
  if (Number(oldest.headers) > max) {
    const [cut] = await sql<{ id: string }>(
      `SELECT t.id::text FROM ledger.transaction t WHERE t.id BETWEEN $1::bigint AND $2::bigint AND t.xid = $3::text::xid8
        ORDER BY t.id LIMIT 1 OFFSET $4`,
      [oldest.first_id, oldest.last_id, oldest.xid, max - 1],
    );
    if (cut === undefined) throw new QueueBrokenError(oldest.id, oldest.headers, 0);
    return { batches: [oldest], lastId: Number(cut.id), more: true };
  }
  let room = max;
  const taken = queue.findIndex(({ headers }) => (room -= Number(headers)) < 0);
  const batches = taken === -1 ? queue : queue.slice(0, taken);
  return {
    batches,
    lastId: Number((batches.at(-1) ?? oldest).last_id),
    more: taken !== -1 || queue.length === batchesMax,
  };
}

/** What is to be read: ids of writers at the same time lie among each other, and each is read once. */
function rangesOf(batches: readonly UnsealedBatch[], lastId: number): Range[] {
  const given = batches.map(({ first_id, last_id }, place) => ({
    first: Number(first_id),
    last: place === batches.length - 1 ? lastId : Number(last_id),
  }));
  const ranges: Range[] = [];
  for (const range of given.sort((a, b) => a.first - b.first)) {
    const before = ranges.at(-1);
    if (before === undefined || range.first > before.last + 1) ranges.push(range);
    else if (range.last > before.last) ranges[ranges.length - 1] = { first: before.first, last: range.last };
  }
  return ranges;
}

type Appending = {
  readonly work: Work;
  /** Brought forward by this. */
  readonly frontier: Frontier;
  readonly transactions: readonly CommittedTransaction[];
};

const digestBytes = 32;

async function append(sql: Sql, { work, frontier, transactions }: Appending): Promise<void> {
  const sealed = frontier.size;
  const hashes = Buffer.alloc(transactions.length * digestBytes);
  const completed = { levels: [] as number[], indexes: [] as number[], hashes: [] as string[] };
  for (const [place, { text }] of transactions.entries()) {
    const leaf = leafDigest(text);
    hashes.write(leaf, place * digestBytes, 'hex');
    frontier.append(leaf, 0, ({ level, index }, digest) => {
      if (!storedLevels.includes(level)) return;
      completed.levels.push(level);
      completed.indexes.push(index);
      completed.hashes.push(`\\x${digest}`);
    });
    if (place % turnMax === turnMax - 1) await nextTurn();
  }
  await sql(
    'SELECT ledger.append_seal($1, $2::bigint[], $3, $4, $5, $6::smallint[], $7::bigint[], $8::bytea[])',
    [
      sealed,
      work.batches.map(({ id }) => id),
      work.lastId,
      hashes,
      Buffer.from(frontier.root, 'hex'),
      completed.levels,
      completed.indexes,
      completed.hashes,
    ],
  );
}
