import { Injectable } from '@nestjs/common';
import { Database } from '@quittance/database';

import { AssetDirectory } from '../asset/asset-directory.js';
import { type Page, pageOf } from '../http/page.js';
import { SqlFilter } from '../http/sql-filter.js';
import { prefixEnd } from '../posting/account-code.js';
import type { Account, AccountEntriesQuery, AccountEntry, AccountsQuery } from './account.schema.js';

type AccountRow = {
  code: string;
  asset_id: number;
  book: Account['book'];
  class: Account['class'];
  asset: string;
};

type EntryRow = {
  transaction_id: string;
  line: number;
  account: string;
  asset: string;
  layer: AccountEntry['layer'];
  amount: string;
  payment_id: string;
  event_type: string;
  chain_transaction: string | null;
  effective_at: Date;
  recorded_at: Date;
};

@Injectable()
export class AccountRepository {
  constructor(
    private readonly database: Database,
    private readonly assets: AssetDirectory,
  ) {}

  /** Accounts by code and asset. */
  async list({ prefix, asset, cursor, limit }: AccountsQuery): Promise<Page<Account>> {
    const filter = new SqlFilter()
      .add('a.code >= ?', prefix)
      .add('a.code < ?', prefix === undefined ? undefined : prefixEnd(prefix))
      .add('s.code = ?', asset)
      .add('(a.code, a.asset_id) > (?, ?::integer)', cursor?.[0], cursor?.[1]);
    const rows = await this.database.sql<AccountRow>(
      `SELECT a.code, a.asset_id, a.book, a.class, s.code AS asset
         FROM ledger.account a JOIN ledger.asset s ON s.id = a.asset_id
        ${filter.where} ORDER BY a.code, a.asset_id LIMIT ${filter.value(limit + 1)}`,
      filter.values,
    );
    return pageOf({
      rows,
      limit,
      keys: (row) => [row.code, String(row.asset_id)],
      view: (row) => ({
        code: row.code,
        book: row.book,
        class: row.class,
        asset: this.assets.view(row.asset),
      }),
    });
  }

  async exists(code: string): Promise<boolean> {
    const rows = await this.database.sql('SELECT 1 FROM ledger.account WHERE code = $1 LIMIT 1', [code]);
    return rows.length > 0;
  }

  /** The lines of one account code in the order of posting. */
  async entries(code: string, query: AccountEntriesQuery): Promise<Page<AccountEntry>> {
    const { asset, layer, cursor, limit } = query;
    const filter = new SqlFilter()
      .add('a.code = ?', code)
      .add('s.code = ?', asset)
      .add('e.layer = ?::ledger.layer', layer)
      .add('(e.transaction_id, e.line) > (?::bigint, ?::smallint)', cursor?.[0], cursor?.[1]);
    const rows = await this.database.sql<EntryRow>(
      `SELECT e.transaction_id, e.line, a.code AS account, s.code AS asset, e.layer, e.amount::text AS amount,
              t.payment_id, t.event_type, t.chain_transaction, t.effective_at, t.recorded_at
         FROM ledger.account a
         JOIN ledger.asset s ON s.id = a.asset_id
         JOIN ledger.entry e ON e.account_id = a.id
         JOIN ledger.transaction t ON t.id = e.transaction_id
        ${filter.where} ORDER BY e.transaction_id, e.line LIMIT ${filter.value(limit + 1)}`,
      filter.values,
    );
    return pageOf({
      rows,
      limit,
      keys: (row) => [row.transaction_id, String(row.line)],
      view: (row) => this.entryView(row),
    });
  }

  private entryView(row: EntryRow): AccountEntry {
    return {
      transactionId: row.transaction_id,
      line: row.line,
      account: row.account,
      asset: this.assets.view(row.asset),
      layer: row.layer,
      amount: row.amount,
      paymentId: row.payment_id,
      event: row.event_type,
      chainTransaction: row.chain_transaction,
      effectiveAt: row.effective_at.toISOString(),
      recordedAt: row.recorded_at.toISOString(),
    };
  }
}
