import { Injectable } from '@nestjs/common';
import { Database } from '@quittance/database';

import { AssetDirectory } from '../asset/asset-directory.js';
import type { AccountClass } from '../account/account.schema.js';
import type { Moment } from '../moment/moment.js';
import { bookOf } from '../posting/account-code.js';
import { type HeadSums, HeadSumsRepository } from '../rollup/head-sums.repository.js';
import { addTo, balanceOf, type Sums } from '../rollup/sums.js';
import { mismatchesMax, type TrialBalance, type Verification } from './trial-balance.schema.js';

type Row = Omit<Verification['rows'][number], 'asset'> & { asset: string };
type Mismatch = Omit<Verification['mismatches'][number], 'asset'> & { asset: string };
type Side = {
  readonly book: 'F' | 'G';
  readonly asset: string;
  readonly layer: HeadSums['layer'];
  readonly sums: Sums;
};

@Injectable()
export class TrialBalanceRepository {
  constructor(
    private readonly database: Database,
    private readonly assets: AssetDirectory,
    private readonly heads: HeadSumsRepository,
  ) {}

  /** What all accounts come to at a moment: by book, asset and layer, and by group of accounts. */
  async at(moment: Moment): Promise<Omit<TrialBalance, 'verification'>> {
    const heads = await this.heads.at(moment);
    const sides = new Map<string, Side>();
    for (const { head, asset, layer, sums } of heads) {
      const book = bookOf(head);
      addTo(sides, `${book} ${asset} ${layer}`, { book, asset, layer, sums });
    }
    const rows = [...sides].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, side]) => this.rowOf(side));
    return {
      asOf: moment.asOf,
      asKnownAt: moment.asKnownAt,
      balanced: rows.every((row) => row.difference === '0'),
      rows,
      groups: heads.map((one) => this.groupOf(one)),
    };
  }

  private rowOf({ book, asset, layer, sums }: Side): TrialBalance['rows'][number] {
    return {
      book,
      asset: this.assets.view(asset),
      layer,
      debits: String(sums.debit),
      credits: String(sums.credit),
      difference: String(balanceOf(sums)),
    };
  }

  private groupOf({ head, class: kind, asset, layer, sums }: HeadSums): TrialBalance['groups'][number] {
    return {
      book: bookOf(head),
      class: kind as AccountClass,
      prefix: head,
      asset: this.assets.view(asset),
      layer,
      debits: String(sums.debit),
      credits: String(sums.credit),
      balance: String(balanceOf(sums)),
    };
  }

  /** Sums every line anew, sealed or not, and compares with the balances that are kept; both as of now. */
  async verify(): Promise<Verification> {
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
