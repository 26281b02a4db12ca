import { Injectable } from '@nestjs/common';
import { Database } from '@quittance/database';
import { z } from 'zod';

import { AssetDirectory } from '../asset/asset-directory.js';
import { digits } from '../http/page.js';
import { type MomentPage, momentPageOf } from '../moment/moment-page.js';
import { SqlFilter } from '../http/sql-filter.js';
import { endOf, endOfTime, type Moment } from '../moment/moment.js';
import { ReadingRepository } from '../moment/reading.repository.js';
import { prefixEnd } from '../posting/account-code.js';
import type { Account, AccountEntriesQuery, AccountEntry, AccountsQuery } from './account.schema.js';

/** An account as the database knows it. */
export type AccountRow = {
  id: string;
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
  payment_id: string | null;
  event_type: string;
  chain_transaction: string | null;
  effective_at: Date;
  recorded_at: Date;
};

export type AccountsWanted = {
  readonly code?: string | undefined;
  readonly prefix?: string | undefined;
  readonly asset?: string | undefined;
  readonly classes?: readonly string[] | undefined;
  readonly after?: AccountKeys | undefined;
  readonly limit: number;
};

/** Code and asset: the order of accounts in every list. */
export const accountKeys = z.tuple([z.string(), digits]);
export type AccountKeys = z.output<typeof accountKeys>;
export const keysOfAccount = (row: AccountRow): AccountKeys => [row.code, String(row.asset_id)];

/** Accounts kept in memory. */
const likelyMax = 1_000;

const entryKeys = z.tuple([digits, digits]);

@Injectable()
export class AccountRepository {
  readonly #likely = new Map<string, AccountRow>();

  constructor(
    private readonly database: Database,
    private readonly assets: AssetDirectory,
    private readonly readings: ReadingRepository,
  ) {}

  /** Accounts by code and asset. */
  async list(query: AccountsQuery): Promise<MomentPage<Account>> {
    const { prefix, asset, limit } = query;
    const reading = await this.readings.page(query, accountKeys);
    const rows = await this.known(reading.moment, { prefix, asset, after: reading.after, limit: limit + 1 });
    return momentPageOf({
      reading,
      rows,
      limit,
      keys: keysOfAccount,
      view: (row) => ({
        code: row.code,
        book: row.book,
        class: row.class,
        asset: this.assets.view(row.asset),
      }),
    });
  }

  /** Accounts that had a line at the moment, by code and asset. */
  async known(moment: Moment, wanted: AccountsWanted): Promise<AccountRow[]> {
    const { code, prefix, asset, classes, after, limit } = wanted;
    const filter = new SqlFilter()
      .add('a.code = ?', code)
      .add('a.code >= ?', prefix)
      .add('a.code < ?', prefix === undefined ? undefined : prefixEnd(prefix))
      .add('s.code = ?', asset)
      .add('a.class = ANY (?::text[])', classes)
      .add('(a.code, a.asset_id) > (?, ?::integer)', after?.[0], after?.[1]);
    const [size, end] = [filter.value(moment.size), filter.value(endOf(moment))];
    return this.database.sql<AccountRow>(
      `SELECT a.id, a.code, a.asset_id, a.book, a.class, s.code AS asset
         FROM ledger.account a JOIN ledger.asset s ON s.id = a.asset_id
        CROSS JOIN LATERAL (
          SELECT 1 FROM ledger.entry e
            JOIN ledger.leaf l ON l.transaction_id = e.transaction_id AND l.position < ${size}::bigint
            JOIN ledger.transaction t ON t.id = e.transaction_id AND t.effective_at < ${end}::timestamptz
           WHERE e.account_id = a.id ORDER BY e.transaction_id, e.line LIMIT 1) known
        ${filter.where} ORDER BY a.code, a.asset_id LIMIT ${filter.value(limit)}`,
      filter.values,
    );
  }

  /**
   * An account of that code, whether or not anything of it was known by then, and whether or not there are others: to begin
   * with while `known` is being asked. An account never changes, so it is asked for once.
   */
  async likely(code: string, asset: string | undefined): Promise<AccountRow | undefined> {
    const key = `${code} ${asset ?? ''}`;
    const kept = this.#likely.get(key);
    if (kept !== undefined) return kept;
    const filter = new SqlFilter().add('a.code = ?', code).add('s.code = ?', asset);
    const [row] = await this.database.sql<AccountRow>(
      `SELECT a.id, a.code, a.asset_id, a.book, a.class, s.code AS asset
         FROM ledger.account a JOIN ledger.asset s ON s.id = a.asset_id
        ${filter.where} ORDER BY a.code, a.asset_id LIMIT 1`,
      filter.values,
    );
    if (row === undefined) return undefined;
    this.#likely.set(key, row);
    const [oldest] = this.#likely.keys();
    if (this.#likely.size > likelyMax && oldest !== undefined) this.#likely.delete(oldest);
    return row;
  }

  /** Whether the account had any line by then, at whatever time. */
  async isKnown(code: string, { asKnownAt }: Pick<Moment, 'asKnownAt'>): Promise<boolean> {
    const moment = await this.readings.moment({ as_of: endOfTime, as_known_at: asKnownAt });
    return (await this.known(moment, { code, limit: 1 })).length > 0;
  }

  /** The lines of one account code in the order of posting. */
  async entries(code: string, query: AccountEntriesQuery): Promise<MomentPage<AccountEntry>> {
    const { asset, layer, limit } = query;
    const reading = await this.readings.page({ ...query, code } as AccountEntriesQuery, entryKeys);
    const { moment, after } = reading;
    const filter = new SqlFilter()
      .add('a.code = ?', code)
      .add('s.code = ?', asset)
      .add('e.layer = ?::ledger.layer', layer)
      .add('f.position < ?', moment.size)
      .add('t.effective_at < ?::timestamptz', endOf(moment))
      .add('(e.transaction_id, e.line) > (?::bigint, ?::smallint)', after?.[0], after?.[1]);
    const rows = await this.database.sql<EntryRow>(
      `SELECT e.transaction_id, e.line, a.code AS account, s.code AS asset, e.layer, e.amount::text AS amount,
              t.payment_id, t.event_type, t.chain_transaction, t.effective_at, t.recorded_at
         FROM ledger.account a
         JOIN ledger.asset s ON s.id = a.asset_id
         JOIN ledger.entry e ON e.account_id = a.id
         JOIN ledger.leaf f ON f.transaction_id = e.transaction_id
         JOIN ledger.transaction t ON t.id = e.transaction_id
        ${filter.where} ORDER BY e.transaction_id, e.line LIMIT ${filter.value(limit + 1)}`,
      filter.values,
    );
    return momentPageOf({
      reading,
      rows,
      limit,
      keys: (row): z.output<typeof entryKeys> => [row.transaction_id, String(row.line)],
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
