import { Injectable } from '@nestjs/common';
import { Database } from '@quittance/database';

import { AssetDirectory } from '../asset/asset-directory.js';
import { mismatchesMax, type TrialBalance } from './trial-balance.schema.js';

type Row = Omit<TrialBalance['rows'][number], 'asset'> & { asset: string };
type Mismatch = Omit<TrialBalance['mismatches'][number], 'asset'> & { asset: string };

@Injectable()
export class TrialBalanceRepository {
  constructor(
    private readonly database: Database,
    private readonly assets: AssetDirectory,
  ) {}

  /** Sums every line anew, and compares with the balances that are kept; both as of one moment. */
  async read(): Promise<TrialBalance> {
    const { rows, mismatches } = await this.database.transaction(async ({ sql }) => {
      await sql('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY');
      return {
        rows: await sql<Row>(sumsByBook),
        mismatches: await sql<Mismatch>(balancesThatDiffer, [mismatchesMax]),
      };
    });
    const named = <T extends { asset: string }>(row: T) => ({ ...row, asset: this.assets.view(row.asset) });
    return {
      balanced: rows.every((row) => row.difference === '0'),
      balancesMatchEntries: mismatches.length === 0,
      rows: rows.map(named),
      mismatches: mismatches.map(named),
    };
  }
}

const sumsByBook = `
  SELECT a.book, s.code AS asset, e.layer, sum(e.debit)::text AS debits, sum(e.credit)::text AS credits,
         sum(e.debit - e.credit)::text AS difference
    FROM (SELECT account_id, layer, coalesce(sum(amount) FILTER (WHERE amount > 0), 0) AS debit,
                 coalesce(-sum(amount) FILTER (WHERE amount < 0), 0) AS credit
            FROM ledger.entry GROUP BY account_id, layer) e
    JOIN ledger.account a ON a.id = e.account_id
    JOIN ledger.asset s ON s.id = a.asset_id
   GROUP BY a.book, s.code, e.layer
   ORDER BY a.book, s.code, e.layer`;

const balancesThatDiffer = `
  SELECT a.code AS account, s.code AS asset, layer, coalesce(b.amount, 0)::text AS balance, coalesce(e.amount, 0)::text AS entries
    FROM (SELECT account_id, layer, sum(debit - credit) AS amount FROM ledger.balance GROUP BY account_id, layer) b
    FULL JOIN (SELECT account_id, layer, sum(amount) AS amount FROM ledger.entry GROUP BY account_id, layer) e
         USING (account_id, layer)
    JOIN ledger.account a ON a.id = account_id
    JOIN ledger.asset s ON s.id = a.asset_id
   WHERE coalesce(b.amount, 0) <> coalesce(e.amount, 0)
   ORDER BY a.code, s.code, layer LIMIT $1`;
