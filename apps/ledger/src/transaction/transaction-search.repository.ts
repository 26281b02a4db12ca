import { Injectable } from '@nestjs/common';
import { Database } from '@quittance/database';

import { SqlFilter } from '../http/sql-filter.js';
import { endOf, type Moment } from '../moment/moment.js';
import { prefixEnd } from '../posting/account-code.js';
import { BlockRepository } from '../rollup/block.repository.js';
import type { TransactionFilters } from './transaction.schema.js';

export type SearchPage = {
  readonly moment: Moment;
  /** Id of the last transaction of the page before. */
  readonly after: string | null;
  readonly limit: number;
};

/** So many accounts of a pattern are looked through one by one; of more, some line is soon found in any case. */
const accountsMax = 100;

/** Finds transactions by what they are about and by what is on their lines, in the order of posting. */
@Injectable()
export class TransactionSearch {
  constructor(
    private readonly database: Database,
    private readonly blocks: BlockRepository,
  ) {}

  /** Ids of those known at the moment, rising. */
  async ids(filters: TransactionFilters, page: SearchPage): Promise<string[]> {
    const accounts = await this.accountIds(filters.account);
    if (accounts?.length === 0) return [];
    const isFew = accounts !== null && accounts.length <= accountsMax;
    const { effective_from: from, payment_id: payment } = filters;
    const isNarrow = payment !== undefined || from === undefined;
    const lowest = isNarrow ? '0' : await this.lowestId(from, page.moment);
    const rows = isFew
      ? await this.byAccount(accounts, filters, { ...page, lowest })
      : await this.byHeader(filters, { ...page, lowest });
    return rows.map(({ id }) => id);
  }

  /** Of a pattern that many accounts match: null, as of none. */
  private async accountIds(pattern: string | undefined): Promise<string[] | null> {
    if (pattern === undefined) return null;
    const filter = accountFilter(new SqlFilter(), 'a.code', pattern);
    const rows = await this.database.sql<{ id: string }>(
      `SELECT a.id FROM ledger.account a ${filter.where} ORDER BY a.code, a.asset_id LIMIT ${accountsMax + 1}`,
      filter.values,
    );
    return rows.map(({ id }) => id);
  }

  /** Below it nothing counts as late as that: a month is found without reading the years before it. */
  async lowestId(from: string, moment: Moment): Promise<string> {
    const cover = await this.blocks.cover(moment.size);
    const [row] = await this.database.sql<{ lowest: string | null }>(lowestId, [
      cover.largeEnd,
      cover.smallStart,
      cover.smallEnd,
      cover.restStart,
      cover.size,
      from,
    ]);
    return row?.lowest ?? '0';
  }

  private byHeader(
    filters: TransactionFilters,
    page: SearchPage & { lowest: string },
  ): Promise<{ id: string }[]> {
    const filter = headerFilter(new SqlFilter(), filters, page);
    const { asset, amount_min: least, amount_max: most, account } = filters;
    if ([asset, least, most, account].some((given) => given !== undefined)) {
      const line = lineFilter(new SqlFilter(filter.values), filters).add('e.transaction_id = t.id');
      if (account !== undefined) accountFilter(line, 'a.code', account);
      filter.add(
        `EXISTS (SELECT FROM ledger.entry e JOIN ledger.account a ON a.id = e.account_id
                   JOIN ledger.asset s ON s.id = e.asset_id ${line.where})`,
      );
    }
    return this.database.sql(
      `SELECT t.id FROM ledger.transaction t JOIN ledger.leaf f ON f.transaction_id = t.id
        ${filter.where} ORDER BY t.id LIMIT ${filter.value(page.limit)}`,
      filter.values,
    );
  }

  /** Each account's own lines are in the order of ids: the first of each, and of those the first of all. */
  private byAccount(
    accounts: readonly string[],
    filters: TransactionFilters,
    page: SearchPage & { lowest: string },
  ): Promise<{ id: string }[]> {
    const filter = new SqlFilter();
    const own = filter.value(accounts);
    headerFilter(filter, filters, page);
    lineFilter(filter, filters).add('e.account_id = own.id');
    const limit = filter.value(page.limit);
    return this.database.sql(
      `SELECT DISTINCT found.id FROM unnest(${own}::bigint[]) AS own (id)
        CROSS JOIN LATERAL (
          SELECT DISTINCT e.transaction_id AS id
            FROM ledger.entry e
            JOIN ledger.asset s ON s.id = e.asset_id
            JOIN ledger.transaction t ON t.id = e.transaction_id
            JOIN ledger.leaf f ON f.transaction_id = e.transaction_id
           ${filter.where.replaceAll('t.id >', 'e.transaction_id >')}
           ORDER BY e.transaction_id LIMIT ${limit}) found
        ORDER BY found.id LIMIT ${limit}`,
      filter.values,
    );
  }
}

function headerFilter(
  filter: SqlFilter,
  filters: TransactionFilters,
  page: SearchPage & { lowest: string },
): SqlFilter {
  return filter
    .add('f.position < ?', page.moment.size)
    .add('t.effective_at < ?::timestamptz', endOf(page.moment))
    .add('t.payment_id = ?::uuid', filters.payment_id)
    .add('t.chain_transaction = ?', filters.chain_transaction)
    .add('t.effective_at >= ?::timestamptz', filters.effective_from)
    .add(
      't.effective_at < ?::timestamptz',
      filters.effective_to === undefined ? undefined : endOf({ ...page.moment, asOf: filters.effective_to }),
    )
    .add('t.id >= ?::bigint', page.lowest)
    .add('t.id > ?::bigint', page.after ?? undefined);
}

function lineFilter(
  filter: SqlFilter,
  { asset, amount_min: least, amount_max: most }: TransactionFilters,
): SqlFilter {
  return filter
    .add('s.code = ?', asset)
    .add('abs(e.amount) >= ?::numeric', least)
    .add('abs(e.amount) <= ?::numeric', most);
}

function accountFilter(filter: SqlFilter, column: string, pattern: string): SqlFilter {
  if (!pattern.endsWith('*')) return filter.add(`${column} = ?`, pattern);
  const prefix = pattern.slice(0, -1);
  return filter.add(`${column} >= ?`, prefix).add(`${column} < ?`, prefixEnd(prefix));
}

const lowestId = `
  SELECT least(
    (SELECT min(r.first_transaction) FROM ledger.rollup r
      WHERE r.level = 1 AND r.block < $1 AND EXISTS (
        SELECT FROM ledger.head_rollup h
         WHERE h.level = 1 AND h.block = r.block AND h.span = 'all' AND h.last_at >= $6::timestamptz)),
    (SELECT min(r.first_transaction) FROM ledger.rollup r WHERE r.level = 0 AND r.block >= $2 AND r.block < $3),
    (SELECT min(f.transaction_id) FROM (SELECT transaction_id FROM ledger.leaf
                                         WHERE position >= $4 AND position < $5 OFFSET 0) f))::text AS lowest`;
