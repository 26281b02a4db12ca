import { Injectable } from '@nestjs/common';
import { Database } from '@quittance/database';

import { AssetDirectory } from '../asset/asset-directory.js';
import { endOf, firstOfDay, type Moment, untilEndOfDay } from '../moment/moment.js';
import { ReadingRepository } from '../moment/reading.repository.js';
import { prefixEnd } from '../posting/account-code.js';
import { TransactionSearch } from '../transaction/transaction-search.repository.js';
import type { FeeReport, RangeQuery } from './report.schema.js';

const receivablePrefix = 'G:receivable:fees:';
const revenuePrefix = 'G:revenue:fee:';

type Row = {
  merchant: string;
  scheme: string;
  asset: string;
  fees: string;
  charged: string;
  refunded: string;
};

/** Fees by merchant and scheme: the merchant is on one line of a transaction, the scheme on the other. */
@Injectable()
export class FeeReportRepository {
  constructor(
    private readonly database: Database,
    private readonly search: TransactionSearch,
    private readonly assets: AssetDirectory,
    private readonly readings: ReadingRepository,
  ) {}

  async read(query: RangeQuery): Promise<FeeReport> {
    const { from, to } = query;
    const moment = await this.readings.moment(query);
    const rows = await this.rows(moment, query);
    const totals = new Map<string, { charged: bigint; refunded: bigint }>();
    for (const { asset, charged, refunded } of rows) {
      const sum = totals.get(asset) ?? { charged: 0n, refunded: 0n };
      totals.set(asset, {
        charged: sum.charged + BigInt(charged),
        refunded: sum.refunded + BigInt(refunded),
      });
    }
    return {
      asOf: moment.asOf,
      asKnownAt: moment.asKnownAt,
      from,
      to,
      items: rows.map(({ asset, fees, ...row }) => ({
        ...row,
        asset: this.assets.view(asset),
        fees: Number(fees),
        net: String(BigInt(row.charged) - BigInt(row.refunded)),
      })),
      totals: [...totals].map(([asset, { charged, refunded }]) => ({
        asset: this.assets.view(asset),
        charged: String(charged),
        refunded: String(refunded),
        net: String(charged - refunded),
      })),
    };
  }

  private async rows(moment: Moment, { from, to }: Pick<RangeQuery, 'from' | 'to'>): Promise<Row[]> {
    const lowest = await this.search.lowestId(firstOfDay(from), moment);
    return this.database.sql<Row>(feesByMerchant, [
      moment.size,
      firstOfDay(from),
      endOf(untilEndOfDay(moment, to)),
      lowest,
      receivablePrefix,
      prefixEnd(receivablePrefix),
      revenuePrefix,
    ]);
  }
}

const feesByMerchant = `
  SELECT substr(m.code, length($5) + 1) AS merchant, split_part(substr(r.code, length($7) + 1), ':', 1) AS scheme,
         s.code AS asset, count(*) FILTER (WHERE e.amount > 0)::text AS fees,
         coalesce(sum(e.amount) FILTER (WHERE e.amount > 0), 0)::text AS charged,
         coalesce(-sum(e.amount) FILTER (WHERE e.amount < 0), 0)::text AS refunded
    FROM ledger.account m
    JOIN ledger.asset s ON s.id = m.asset_id
    JOIN ledger.entry e ON e.account_id = m.id AND e.transaction_id >= $4::bigint AND e.layer = 'settled'
    JOIN ledger.leaf f ON f.transaction_id = e.transaction_id AND f.position < $1
    JOIN ledger.transaction t ON t.id = e.transaction_id AND t.effective_at >= $2::timestamptz
     AND t.effective_at < $3::timestamptz
    JOIN ledger.entry o ON o.transaction_id = e.transaction_id AND o.layer = 'settled' AND o.asset_id = e.asset_id
    JOIN ledger.account r ON r.id = o.account_id AND starts_with(r.code, $7)
   WHERE m.code >= $5 AND m.code < $6
   GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`;
