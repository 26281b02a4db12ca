import { Injectable } from '@nestjs/common';
import { Database } from '@quittance/database';

import {
  type AccountKeys,
  AccountRepository,
  type AccountRow,
  keysOfAccount,
} from '../account/account.repository.js';
import { AssetDirectory } from '../asset/asset-directory.js';
import { beforeDay, firstOfDay, type Moment, untilEndOfDay } from '../moment/moment.js';
import { type Layer, layers } from '../posting/line.js';
import { type AccountSums, AccountSumsRepository } from '../rollup/account-sums.repository.js';
import { balanceOf } from '../rollup/sums.js';
import { type Commodity, commodityOf, fullDecimal } from './commodity.js';
import type { PlainTextExportQuery } from './export.schema.js';
import { JournalSource } from './journal-source.repository.js';
import type { PlainTextFormat } from './plain-text.js';

/** Accounts that are looked at together. */
const accountsAtOnce = 200;

type Scope = {
  readonly format: PlainTextFormat;
  readonly moment: Moment;
  readonly book: 'F' | 'G' | undefined;
  /** First day of which transactions are listed; what was before is brought forward. */
  readonly from: string | undefined;
  readonly commodities: ReadonlyMap<string, Commodity>;
};

/** What an account comes to by the end of a day on which something was posted to it. */
type Closing = { readonly layer: Layer; readonly day: string; readonly balance: bigint };
type AccountDays = {
  readonly row: AccountRow;
  readonly brought: readonly Closing[];
  readonly days: readonly Closing[];
};

/** Writes the books as plain-text accounting that proves itself: each account's balance is asserted for each of its days. */
@Injectable()
export class PlainTextRepository {
  constructor(
    private readonly database: Database,
    private readonly accounts: AccountRepository,
    private readonly sums: AccountSumsRepository,
    private readonly source: JournalSource,
    private readonly assets: AssetDirectory,
  ) {}

  async *write(format: PlainTextFormat, moment: Moment, query: PlainTextExportQuery): AsyncGenerator<string> {
    const { book, from, to } = query;
    const until = to === undefined ? moment : untilEndOfDay(moment, to);
    const scope = { format, moment: until, book, from, commodities: await this.commodities() };
    yield heading(scope, moment);
    for await (const page of this.pages(scope)) {
      yield [...Map.groupBy(page, ({ row }) => row.code).values()].map((own) => opened(scope, own)).join('');
      if (!format.closingsComeLast) yield page.map((account) => closings(scope, account)).join('');
    }
    yield '\n';
    yield* this.transactions(scope);
    if (!format.closingsComeLast) return;
    for await (const page of this.pages(scope))
      yield page.map((account) => closings(scope, account)).join('');
  }

  private async *transactions({ format, moment, book, from, commodities }: Scope): AsyncGenerator<string> {
    const amountOf = (asset: string, amount: bigint): string => {
      const commodity = known(commodities, asset);
      return format.amount(commodity, fullDecimal(amount, commodity.scale));
    };
    const filters = { book, effective_from: from === undefined ? undefined : firstOfDay(from) };
    for await (const piece of this.source.pieces({ moment, filters })) {
      yield piece.map((item) => (item.kind === 'gap' ? '' : format.transaction(item, amountOf))).join('');
    }
  }

  /** Accounts by code: all assets of a code are in one page. */
  private async *pages(scope: Scope): AsyncGenerator<AccountDays[]> {
    const { moment, book } = scope;
    const prefix = book === undefined ? undefined : `${book}:`;
    let after: AccountKeys | undefined;
    let held: AccountRow[] = [];
    for (;;) {
      const rows = await this.accounts.known(moment, { prefix, after, limit: accountsAtOnce });
      const last = rows.at(-1);
      if (last === undefined) break;
      const all = [...held, ...rows];
      held = all.filter(({ code }) => code === last.code);
      yield await this.daysOf(
        scope,
        all.filter(({ code }) => code !== last.code),
      );
      after = keysOfAccount(last);
    }
    if (held.length > 0) yield await this.daysOf(scope, held);
  }

  private async daysOf({ moment, from }: Scope, rows: readonly AccountRow[]): Promise<AccountDays[]> {
    const accountIds = rows.map(({ id }) => id);
    const [before, daily] = await Promise.all([
      from === undefined ? [] : this.sums.at({ accountIds, moment: beforeDay(moment, from) }),
      this.sums.at({ accountIds, moment, by: 'day' }),
    ]);
    const byAccount = Map.groupBy(daily, ({ accountId }) => accountId);
    return rows.map((row) => {
      const brought = before
        .filter(({ accountId }) => accountId === row.id)
        .map(({ layer, sums }) => ({ layer, day: from ?? '', balance: balanceOf(sums) }));
      const days = running(byAccount.get(row.id) ?? []);
      return { row, brought, days: from === undefined ? days : days.filter(({ day }) => day >= from) };
    });
  }

  private async commodities(): Promise<Map<string, Commodity>> {
    const rows = await this.database.sql<{ id: number; asset: string }>(
      'SELECT id, code AS asset FROM ledger.asset ORDER BY id',
    );
    return new Map(rows.map((row) => [row.asset, commodityOf(row, this.assets)]));
  }
}

/** Balances at the end of each day, by layer and day. */
function running(sums: readonly AccountSums[]): Closing[] {
  return layers.flatMap((layer) => {
    let balance = 0n;
    return sums
      .filter((one) => one.layer === layer)
      .sort((a, b) => ((a.day ?? '') < (b.day ?? '') ? -1 : 1))
      .map(({ day, sums: own }) => {
        balance += balanceOf(own);
        return { layer, day: day ?? '', balance };
      });
  });
}

function heading({ format, moment, from, commodities }: Scope, { asOf, asKnownAt }: Moment): string {
  const since = from ?? '1970-01-01';
  const comments = [
    'Made by Quittance. The same request gives the same text for ever.',
    `as_of ${asOf}, as_known_at ${asKnownAt}: ${moment.size} sealed transactions.`,
  ];
  return [
    ...comments.map(format.comment),
    format.begin('Quittance ledger', from ?? null),
    ...[...commodities.values()].map((commodity) => format.commodity(commodity, since)),
    '\n',
  ].join('');
}

function known(commodities: ReadonlyMap<string, Commodity>, asset: string): Commodity {
  const commodity = commodities.get(asset);
  if (commodity === undefined) throw new RangeError(`the asset ${asset} is on a line and not in the books`);
  return commodity;
}

/** Accounts of one code by layer, and what is brought forward. */
function opened({ format, commodities }: Scope, accounts: readonly AccountDays[]): string {
  return layers
    .map((layer) => {
      const used = accounts.flatMap((account) => {
        const forward = account.brought.find((one) => one.layer === layer);
        const first = forward ?? account.days.find((one) => one.layer === layer);
        const commodity = known(commodities, account.row.asset);
        return first === undefined ? [] : [{ code: account.row.code, commodity, day: first.day, forward }];
      });
      const [one] = used;
      if (one === undefined) return '';
      const day = used.map((place) => place.day).reduce((a, b) => (a < b ? a : b));
      const own = used.map(({ commodity }) => commodity);
      return (
        format.open({ code: one.code, layer, commodities: own, day }) +
        used
          .map(({ forward, ...place }) => {
            if (forward === undefined || forward.balance === 0n) return '';
            const text = (amount: bigint): string =>
              format.amount(place.commodity, fullDecimal(amount, place.commodity.scale));
            return format.opening({
              ...place,
              layer,
              amount: text(forward.balance),
              contra: text(-forward.balance),
            });
          })
          .join('')
      );
    })
    .join('');
}

function closings({ format, commodities }: Scope, { row, days }: AccountDays): string {
  const commodity = known(commodities, row.asset);
  return days
    .map(({ layer, day, balance }) =>
      format.closing({
        code: row.code,
        layer,
        commodity,
        day,
        decimal: fullDecimal(balance, commodity.scale),
      }),
    )
    .join('');
}
