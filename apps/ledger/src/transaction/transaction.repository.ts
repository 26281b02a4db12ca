import { Injectable } from '@nestjs/common';
import { Database } from '@quittance/database';
import { z } from 'zod';

import { AssetDirectory } from '../asset/asset-directory.js';
import { digits } from '../http/page.js';
import { type MomentPage, momentPageOf } from '../moment/moment-page.js';
import { ReadingRepository } from '../moment/reading.repository.js';
import type { Transaction, TransactionLine, TransactionsQuery } from './transaction.schema.js';
import { TransactionSearch } from './transaction-search.repository.js';

type HeaderRow = {
  id: string;
  book: Transaction['book'];
  source: Transaction['source'];
  payment_id: string | null;
  event_type: string;
  source_event_id: string;
  chain_transaction: string | null;
  effective_at: Date;
  occurred_at: Date;
  recorded_at: Date;
  reverses: string | null;
};

type LineRow = {
  transaction_id: string;
  line: number;
  account: string;
  asset: string;
  layer: TransactionLine['layer'];
  amount: string;
};

const transactionKeys = z.tuple([digits]);

@Injectable()
export class TransactionRepository {
  constructor(
    private readonly database: Database,
    private readonly assets: AssetDirectory,
    private readonly readings: ReadingRepository,
    private readonly search: TransactionSearch,
  ) {}

  /** Transactions with their lines in the order of posting. */
  async list(query: TransactionsQuery): Promise<MomentPage<Transaction>> {
    const { limit } = query;
    const reading = await this.readings.page(query, transactionKeys);
    const { moment, after } = reading;
    const ids = await this.search.ids(query, { moment, after: after?.[0] ?? null, limit: limit + 1 });
    const found = await this.byIds(ids.slice(0, limit));
    return momentPageOf({
      reading,
      rows: ids,
      limit,
      keys: (id): z.output<typeof transactionKeys> => [id],
      view: (id) => found.get(id) ?? [],
    });
  }

  /** All of a payment's, those that are not sealed yet among them, in the order of posting. */
  async ofPayment(paymentId: string, limit: number): Promise<Transaction[]> {
    const rows = await this.database.sql<{ id: string }>(
      'SELECT id FROM ledger.transaction WHERE payment_id = $1::uuid ORDER BY id LIMIT $2',
      [paymentId, limit],
    );
    return [...(await this.byIds(rows.map(({ id }) => id))).values()];
  }

  private async byIds(ids: readonly string[]): Promise<Map<string, Transaction>> {
    if (ids.length === 0) return new Map();
    const [headers, lines] = await Promise.all([
      this.database.sql<HeaderRow>(
        `SELECT t.id, t.book, t.source, t.payment_id, t.event_type, t.source_event_id, t.chain_transaction,
                t.effective_at, t.occurred_at, t.recorded_at, t.reverses
           FROM ledger.transaction t WHERE t.id = ANY ($1::bigint[]) ORDER BY t.id`,
        [ids],
      ),
      this.linesOf(ids),
    ]);
    return new Map(headers.map((row) => [row.id, headerView(row, lines.get(row.id) ?? [])]));
  }

  private async linesOf(ids: readonly string[]): Promise<Map<string, TransactionLine[]>> {
    const rows = await this.database.sql<LineRow>(
      `SELECT e.transaction_id, e.line, a.code AS account, s.code AS asset, e.layer, e.amount::text AS amount
         FROM ledger.entry e
         JOIN ledger.account a ON a.id = e.account_id
         JOIN ledger.asset s ON s.id = e.asset_id
        WHERE e.transaction_id = ANY ($1::bigint[]) ORDER BY e.transaction_id, e.line`,
      [ids],
    );
    const groups = new Map<string, TransactionLine[]>();
    for (const { transaction_id: id, asset, ...row } of rows) {
      const line = { ...row, asset: this.assets.view(asset) };
      groups.set(id, [...(groups.get(id) ?? []), line]);
    }
    return groups;
  }
}

const headerView = (row: HeaderRow, entries: TransactionLine[]): Transaction => ({
  id: row.id,
  book: row.book,
  source: row.source,
  paymentId: row.payment_id,
  event: row.event_type,
  sourceEventId: row.source_event_id,
  chainTransaction: row.chain_transaction,
  effectiveAt: row.effective_at.toISOString(),
  occurredAt: row.occurred_at.toISOString(),
  recordedAt: row.recorded_at.toISOString(),
  reverses: row.reverses,
  entries,
  proof: `/proofs/transactions/${row.id}`,
});
