import { Injectable } from '@nestjs/common';
import { Database } from '@quittance/database';

import { AssetDirectory } from '../asset/asset-directory.js';
import { type Page, pageOf } from '../http/page.js';
import { SqlFilter } from '../http/sql-filter.js';
import type { Transaction, TransactionLine, TransactionsQuery } from './transaction.schema.js';

type HeaderRow = {
  id: string;
  book: Transaction['book'];
  payment_id: string | null;
  event_type: string;
  source_event_id: string;
  chain_transaction: string | null;
  effective_at: Date;
  recorded_at: Date;
};

type LineRow = {
  transaction_id: string;
  line: number;
  account: string;
  asset: string;
  layer: TransactionLine['layer'];
  amount: string;
};

@Injectable()
export class TransactionRepository {
  constructor(
    private readonly database: Database,
    private readonly assets: AssetDirectory,
  ) {}

  /** Transactions with their lines in the order of posting. */
  async list(query: TransactionsQuery): Promise<Page<Transaction>> {
    const { payment_id: paymentId, chain_transaction: hash, cursor, limit } = query;
    const filter = new SqlFilter()
      .add('t.payment_id = ?::uuid', paymentId)
      .add('t.chain_transaction = ?', hash)
      .add('t.id > ?::bigint', cursor?.[0]);
    const rows = await this.database.sql<HeaderRow>(
      `SELECT t.id, t.book, t.payment_id, t.event_type, t.source_event_id, t.chain_transaction, t.effective_at, t.recorded_at
         FROM ledger.transaction t ${filter.where} ORDER BY t.id LIMIT ${filter.value(limit + 1)}`,
      filter.values,
    );
    const lines = await this.linesOf(rows.slice(0, limit).map((row) => row.id));
    return pageOf({
      rows,
      limit,
      keys: (row) => [row.id],
      view: (row) => headerView(row, lines.get(row.id) ?? []),
    });
  }

  private async linesOf(ids: readonly string[]): Promise<Map<string, TransactionLine[]>> {
    if (ids.length === 0) return new Map();
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
  paymentId: row.payment_id,
  event: row.event_type,
  sourceEventId: row.source_event_id,
  chainTransaction: row.chain_transaction,
  effectiveAt: row.effective_at.toISOString(),
  recordedAt: row.recorded_at.toISOString(),
  entries,
});
