import { Injectable } from '@nestjs/common';
import { Database } from '@quittance/database';

import { AssetDirectory } from '../asset/asset-directory.js';
import { type Page, pageOf } from '../http/page.js';
import { SqlFilter } from '../http/sql-filter.js';
import { prefixEnd } from '../posting/account-code.js';
import type { Balance, BalancesQuery } from './balance.schema.js';

type BalanceRow = {
  account: string;
  asset_id: number;
  asset: string;
  layer: Balance['layer'];
  debit: string;
  credit: string;
  balance: string;
};

@Injectable()
export class BalanceRepository {
  constructor(
    private readonly database: Database,
    private readonly assets: AssetDirectory,
  ) {}

  /** Balances by account, asset and layer, over all writers' shares. */
  async list({ account, prefix, asset, layer, cursor, limit }: BalancesQuery): Promise<Page<Balance>> {
    const filter = new SqlFilter()
      .add('a.code = ?', account)
      .add('a.code >= ?', prefix)
      .add('a.code < ?', prefix === undefined ? undefined : prefixEnd(prefix))
      .add('s.code = ?', asset)
      .add('b.layer = ?::ledger.layer', layer)
      .add(
        '(a.code, a.asset_id, b.layer) > (?, ?::integer, ?::ledger.layer)',
        cursor?.[0],
        cursor?.[1],
        cursor?.[2],
      );
    const rows = await this.database.sql<BalanceRow>(
      `SELECT a.code AS account, a.asset_id, s.code AS asset, b.layer, sum(b.debit)::text AS debit,
              sum(b.credit)::text AS credit, sum(b.debit - b.credit)::text AS balance
         FROM ledger.account a
         JOIN ledger.asset s ON s.id = a.asset_id
         JOIN ledger.balance b ON b.account_id = a.id
        ${filter.where}
        GROUP BY a.code, a.asset_id, s.code, b.layer
        ORDER BY a.code, a.asset_id, b.layer LIMIT ${filter.value(limit + 1)}`,
      filter.values,
    );
    return pageOf({
      rows,
      limit,
      keys: (row) => [row.account, String(row.asset_id), row.layer],
      view: ({ asset_id: _, asset: id, ...row }) => ({ ...row, asset: this.assets.view(id) }),
    });
  }
}
