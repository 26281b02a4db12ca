import { Injectable } from '@nestjs/common';
import { Database } from '@quittance/database';

import { endOf, type Moment } from '../moment/moment.js';
import type { Digest } from '../proof/digest.js';
import { cover as subtreesOf, endOf as endOfSubtree, firstOf } from '../proof/merkle-tree.js';
import type { SealedTransaction } from '../proof/sealed-transaction.js';
import { readLeaves } from '../proof/sealed-transaction.repository.js';
import { digestsOf } from '../proof/tree.repository.js';
import { type Run, runOf } from '../rollup/block.js';
import { BlockRepository } from '../rollup/block.repository.js';
import { type EffectiveRange, type ExportFilters, matches } from './transaction-match.js';

/** Transactions that are read at once: an export holds two such pieces at most, however long it is. */
export const pieceTransactions = 2_000n;

export type SourceQuery = {
  readonly moment: Moment;
  readonly filters: ExportFilters;
  /** Where to begin in the sealed order. */
  readonly position?: bigint | undefined;
};

export type SourceItem =
  | {
      readonly kind: 'transaction';
      readonly position: number;
      readonly leaf: Digest;
      readonly transaction: SealedTransaction;
    }
  /** Transactions that are not asked for: `start` up to but without `end`. */
  | { readonly kind: 'gap'; readonly start: number; readonly end: number };

export type GapHash = { readonly first: number; readonly end: number; readonly hash: Digest };

/** The books ended in the middle: a leaf whose transaction somebody removed. */
export class MissingTransactionError extends Error {
  override readonly name = 'MissingTransactionError';
  readonly code = 'transaction_missing';
  readonly retryable = false;

  constructor(position: number) {
    super(`The transaction at position ${position} of the sealed order is not in the books.`);
  }
}

/** The sealed order from one end to the other, in pieces. */
@Injectable()
export class JournalSource {
  constructor(
    private readonly database: Database,
    private readonly blocks: BlockRepository,
  ) {}

  /** Transactions that are asked for, and what was left out between them; a piece at a time. */
  async *pieces({ moment, filters, position = 0n }: SourceQuery): AsyncGenerator<SourceItem[]> {
    const range = { from: filters.effective_from ?? null, end: endOfRange(moment, filters) };
    let at = position;
    let next: Promise<SourceItem[]> | undefined;
    for (const run of pieceRuns(await this.runs(moment, range), position)) {
      // The next piece is read while this one is written out.
      const reading = this.piece({ start: at, run, filters, range });
      reading.catch(() => undefined);
      if (next !== undefined) yield await next;
      next = reading;
      at = run.end;
    }
    if (next !== undefined) yield await next;
    if (at < moment.size) yield [{ kind: 'gap', start: Number(at), end: Number(moment.size) }];
  }

  /** The hashes that stand for what was left out. */
  async hashesOf(gap: { readonly start: number; readonly end: number }): Promise<GapHash[]> {
    const subtrees = subtreesOf(gap.start, gap.end);
    const hashes = await digestsOf(this.database.sql, subtrees);
    return subtrees.map((subtree, index) => ({
      first: firstOf(subtree),
      end: endOfSubtree(subtree),
      hash: hashes[index] ?? '',
    }));
  }

  private async piece(wanted: {
    start: bigint;
    run: Run;
    filters: ExportFilters;
    range: EffectiveRange;
  }): Promise<SourceItem[]> {
    const { start, run, filters, range } = wanted;
    const leaves = await readLeaves(this.database.sql, Number(run.start), Number(run.end));
    const items: SourceItem[] = [];
    let left = Number(start);
    for (const { position, leaf, transaction } of leaves) {
      if (transaction === null) throw new MissingTransactionError(position);
      if (!matches(transaction, filters, range)) continue;
      if (left < position) items.push({ kind: 'gap', start: left, end: position });
      items.push({ kind: 'transaction', position, leaf, transaction });
      left = position + 1;
    }
    if (left < Number(run.end)) items.push({ kind: 'gap', start: left, end: Number(run.end) });
    return items;
  }

  /** Where there can be transactions of the time asked for: blocks that lie whole before or after it are not read. */
  private async runs(moment: Moment, { from, end }: EffectiveRange): Promise<Run[]> {
    const cover = await this.blocks.cover(moment.size);
    const rows = await this.database.sql<{ level: number; block: string }>(blocksWithin, [
      cover.largeEnd,
      cover.smallStart,
      cover.smallEnd,
      from,
      end,
    ]);
    const runs = rows.map(({ level, block }) => runOf(level, BigInt(block)));
    if (cover.restStart < moment.size) runs.push({ start: cover.restStart, end: moment.size });
    return runs;
  }
}

function endOfRange(moment: Moment, { effective_to: to }: ExportFilters): string {
  const end = endOf(moment);
  const asked = to === undefined ? end : endOf({ ...moment, asOf: to });
  return asked < end ? asked : end;
}

/** Runs in pieces of bounded length, from a position on. */
function* pieceRuns(runs: readonly Run[], position: bigint): Generator<Run> {
  for (const run of runs) {
    for (let start = run.start > position ? run.start : position; start < run.end;) {
      const end = start + pieceTransactions < run.end ? start + pieceTransactions : run.end;
      yield { start, end };
      start = end;
    }
  }
}

const blocksWithin = `
  SELECT h.level, h.block FROM ledger.head_rollup h
   WHERE h.span = 'all' AND ((h.level = 1 AND h.block < $1) OR (h.level = 0 AND h.block >= $2 AND h.block < $3))
   GROUP BY h.level, h.block
  HAVING min(h.first_at) < $5::timestamptz AND ($4::timestamptz IS NULL OR max(h.last_at) >= $4::timestamptz)
   ORDER BY h.block * CASE h.level WHEN 0 THEN 1024 ELSE 131072 END`;
