import { createHash } from 'node:crypto';

import type { Database, Sql } from '@quittance/database';
import type { AssetId, ChainId } from '@quittance/money';

import type { EntryPoster } from '../posting/entry-poster.repository.js';
import type { Line } from '../posting/line.js';
import {
  breakKey,
  healBreaks,
  type Healing,
  openBreaks,
  recordFindings,
  type Scope,
} from './break.repository.js';
import type { Comparison, Observed } from './comparison.js';
import type { Finding } from './finding.js';
import { placeKey } from './movement.js';
import { noteSeen } from './progress.repository.js';
import type { SeenTransaction } from './seen.js';

/** What came of a comparison, to be kept. */
export type Outcome = {
  readonly scope: Scope;
  readonly comparison: Comparison;
  readonly seen: readonly SeenTransaction[];
  /** When the blocks were, by number: what is posted counts from then. */
  readonly timeOf: (block: bigint) => Date;
};

export type Kept = { readonly found: readonly Finding[]; readonly healed: number };

/** Keeps what comparisons find, and posts what is certain, all of one comparison together. */
export class ComparisonRepository {
  constructor(
    readonly database: Database,
    private readonly poster: Pick<EntryPoster, 'postWithin'>,
  ) {}

  /** Breaks of what was compared that were not found again are healed. */
  async keep(sql: Sql, chainId: ChainId, { scope, comparison, seen, timeOf }: Outcome): Promise<Kept> {
    const { findings, observed, orphaned, matchedBy } = comparison;
    const open = await openBreaks(sql, chainId, scope);
    const posted = await this.postAll(sql, chainId, { observed, timeOf });
    const takenBack = await this.takeBack(sql, orphaned);
    const all = [...findings, ...observed.map(({ finding }) => finding)];
    const ids = await recordFindings(sql, chainId, all);
    const fixedNow = new Map([...posted, ...takenBack]);
    const healings: Healing[] = [...fixedNow].flatMap(([key, fixedBy]) => {
      const id = ids.get(key);
      return id === undefined ? [] : [{ id, fixedBy }];
    });
    for (const one of open) {
      if (ids.has(breakKey(one))) continue;
      healings.push({ id: one.id, fixedBy: matchedBy.get(one.subject) ?? null });
    }
    await healBreaks(sql, healings);
    await noteSeen(sql, chainId, seen);
    return { found: all, healed: healings.length };
  }

  /** Gives the transactions of the books by break. */
  private async postAll(
    sql: Sql,
    chainId: ChainId,
    { observed, timeOf }: { readonly observed: readonly Observed[]; readonly timeOf: Outcome['timeOf'] },
  ): Promise<Map<string, string>> {
    const posted = new Map<string, string>();
    for (const { movement, finding, posting } of observed) {
      const { block, blockHash, transaction, part } = movement.place;
      const { transactionId } = await this.poster.postWithin(sql, {
        book: posting.book,
        source: 'transfer',
        sourceEventId: uuidOf(`${chainId} ${placeKey(movement.place)}`),
        kind: posting.kind,
        paymentId: null,
        chainTransaction: transaction === '' ? null : transaction,
        effectiveAt: timeOf(block),
        lines: posting.lines,
      });
      await sql(
        `INSERT INTO ledger.observed_transfer (chain_id, block_number, block_hash, transaction, part, kind, asset, sender, recipient,
                                               amount, payment_id, transaction_id)
         VALUES ($1, $2::numeric, $3, $4, $5, $6, $7, $8, $9, $10::numeric, $11::uuid, $12::bigint)
         ON CONFLICT (chain_id, block_number, transaction, part, block_hash) DO NOTHING`,
        [
          chainId,
          block,
          blockHash,
          transaction,
          part,
          posting.kind,
          movement.asset,
          movement.from,
          movement.to,
          movement.amount,
          posting.paymentId,
          transactionId,
        ],
      );
      posted.set(breakKey(finding), transactionId);
    }
    return posted;
  }

  /** Transfers that we observed in blocks that are gone never were. */
  private async takeBack(sql: Sql, orphaned: Comparison['orphaned']): Promise<Map<string, string>> {
    const takenBack = new Map<string, string>();
    for (const { booked, finding } of orphaned) {
      const original = await observedPosting(sql, booked.transactionId);
      if (original === null) continue;
      const { transactionId } = await this.poster.postWithin(sql, {
        book: original.book,
        source: 'transfer',
        sourceEventId: uuidOf(`reverses ${booked.transactionId}`),
        kind: 'transfer.orphaned',
        paymentId: null,
        chainTransaction: original.chainTransaction,
        effectiveAt: original.occurredAt,
        lines: original.lines.map((line) => ({ ...line, amount: -line.amount })),
        reverses: booked.transactionId,
      });
      takenBack.set(breakKey(finding), transactionId);
    }
    return takenBack;
  }
}

type OriginalPosting = {
  readonly book: 'F' | 'G';
  readonly chainTransaction: string | null;
  readonly occurredAt: Date;
  readonly lines: readonly Line[];
};

async function observedPosting(sql: Sql, transactionId: string): Promise<OriginalPosting | null> {
  const rows = await sql<{
    book: 'F' | 'G';
    chain_transaction: string | null;
    occurred_at: Date;
    account: string;
    asset: AssetId;
    layer: Line['layer'];
    amount: string;
  }>(
    `SELECT t.book, t.chain_transaction, t.occurred_at, a.code AS account, s.code AS asset, e.layer, e.amount::text AS amount
       FROM ledger.observed_transfer v
       JOIN ledger.transaction t ON t.id = v.transaction_id
       JOIN ledger.entry e ON e.transaction_id = t.id
       JOIN ledger.account a ON a.id = e.account_id
       JOIN ledger.asset s ON s.id = e.asset_id
      WHERE v.transaction_id = $1::bigint`,
    [transactionId],
  );
  const [first] = rows;
  if (first === undefined) return null;
  return {
    book: first.book,
    chainTransaction: first.chain_transaction,
    occurredAt: first.occurred_at,
    lines: rows.map(({ account, asset, layer, amount }) => ({
      account,
      asset,
      layer,
      amount: BigInt(amount),
    })),
  };
}

/** One id for one text: what is posted for it is posted once, whoever does it and how often. */
export function uuidOf(text: string): string {
  const digest = createHash('sha256').update(text).digest('hex');
  const variant = ((Number.parseInt(digest.slice(16, 17), 16) & 3) | 8).toString(16);
  return `${digest.slice(0, 8)}-${digest.slice(8, 12)}-8${digest.slice(13, 16)}-${variant}${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
}
