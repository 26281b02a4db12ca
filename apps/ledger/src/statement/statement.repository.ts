import { Injectable } from '@nestjs/common';
import { z } from 'zod';

import { AccountRepository, type AccountRow } from '../account/account.repository.js';
import { AssetDirectory } from '../asset/asset-directory.js';
import { digits } from '../http/page.js';
import { ProblemError } from '../http/problem.error.js';
import { dayAfter, endOfTime, momentAt, type Moment } from '../moment/moment.js';
import { ReadingRepository } from '../moment/reading.repository.js';
import { type AccountSums, AccountSumsRepository } from '../rollup/account-sums.repository.js';
import type { FoundLine } from '../rollup/line-runs.js';
import { noSums, type Sums } from '../rollup/sums.js';
import { LineWalkRepository } from './line-walk.repository.js';
import {
  closingMoment,
  statementId,
  type StatementScope,
  type StatementTotals,
  totalsOf,
} from './statement.js';
import type { Statement, StatementLine, StatementQuery } from './statement.schema.js';

const daysMax = 3_700;

/** The last line of a page, and the balance after it. */
const lineKeys = z.tuple([z.string(), digits, z.number(), z.string().transform(BigInt)]);

export type ScopeQuery = Pick<StatementQuery, 'from' | 'to' | 'asset' | 'layer'> & {
  readonly moment: Moment;
};

type LineKeys = readonly [day: string, position: string, line: number, balance: bigint | string];
type PageQuery = ScopeQuery & { readonly limit: number; readonly after: LineKeys | undefined };
type PageParts = {
  readonly scope: StatementScope;
  readonly totals: StatementTotals;
  readonly found: readonly FoundLine[];
};

@Injectable()
export class StatementRepository {
  constructor(
    private readonly accounts: AccountRepository,
    private readonly sums: AccountSumsRepository,
    private readonly walk: LineWalkRepository,
    private readonly assets: AssetDirectory,
    private readonly readings: ReadingRepository,
  ) {}

  /**
   * A page of the statement of one account and asset on one layer.
   *
   * @throws ProblemError 404 for an account that is not known; 400 where it holds several assets and none was told.
   */
  async page(code: string, query: StatementQuery): Promise<Statement> {
    const question = { ...query, code } as StatementQuery;
    const likely = this.accounts.likely(code, query.asset);
    // Answered for below, unless the question is refused before.
    likely.catch(() => undefined);
    const reading = await this.readings.page<[string, string, number, bigint | string]>(question, lineKeys);
    const { moment, after } = reading;
    const { scope, totals, found } = await this.read(code, { ...query, moment, after }, await likely);
    const shown = found.slice(0, query.limit);
    const lines = this.linesOf(shown, after === undefined ? totals.opening : BigInt(after[3]));
    const last = shown.at(-1);
    const balance = lines.at(-1)?.balance ?? '';
    return {
      ...this.head(scope, totals),
      lines,
      nextCursor:
        found.length > shown.length && last !== undefined
          ? reading.cursorAfter([last.day, last.position, last.line, balance])
          : null,
    };
  }

  /** Begins with the likely account while the one that is meant is looked for: nearly always it is the same. */
  private async read(code: string, query: PageQuery, likely: AccountRow | undefined): Promise<PageParts> {
    checkDays(query);
    const account = this.accountOf(code, query.asset, query.moment);
    if (likely === undefined) return this.partsOf(await account, query);
    const [meant, parts] = await Promise.all([account, this.partsOf(likely, query)]);
    return meant.id === likely.id ? parts : this.partsOf(meant, query);
  }

  private async partsOf(account: AccountRow, query: PageQuery): Promise<PageParts> {
    const { after, limit } = query;
    const scope = scopeOf(account, query);
    const place = after === undefined ? null : { day: after[0], position: after[1], line: after[2] };
    const { found, sums } = await this.walk.linesAndSums({
      scope,
      accountId: account.id,
      after: place,
      limit: limit + 1,
    });
    const totals = totalsIn(sums, scope);
    return { scope, totals, found };
  }

  /** What a statement is of, once the account and its asset are found. */
  async scope(code: string, query: ScopeQuery): Promise<{ scope: StatementScope; accountId: string }> {
    checkDays(query);
    const account = await this.accountOf(code, query.asset, query.moment);
    return { scope: scopeOf(account, query), accountId: account.id };
  }

  /** Opening, closing and what lies between. */
  async totals(scope: StatementScope, accountId: string): Promise<StatementTotals> {
    const { from } = scope;
    const moment = closingMoment(scope);
    return totalsIn(await this.sums.at({ accountIds: [accountId], moment, by: { from } }), scope);
  }

  /** The statement without its lines. */
  head(scope: StatementScope, totals: StatementTotals): Omit<Statement, 'lines' | 'nextCursor'> {
    const { account, asset, layer, from, to, moment } = scope;
    const { opening, closing, within } = totals;
    return {
      id: statementId(scope, totals),
      asOf: moment.asOf,
      asKnownAt: moment.asKnownAt,
      account,
      asset: this.assets.view(asset),
      layer,
      from,
      to,
      opening: String(opening),
      debits: within.debits,
      credits: within.credits,
      debit: String(within.debit),
      credit: String(within.credit),
      closing: String(closing),
    };
  }

  /** Lines with the balance after each, from the balance before them. */
  linesOf(found: readonly FoundLine[], before: bigint): StatementLine[] {
    let balance = before;
    return found.map((line) => {
      balance += BigInt(line.amount);
      return {
        transactionId: line.transactionId,
        line: line.line,
        day: line.day,
        effectiveAt: line.effective_at.toISOString(),
        occurredAt: line.occurred_at.toISOString(),
        recordedAt: line.recorded_at.toISOString(),
        event: line.event_type,
        paymentId: line.payment_id,
        chainTransaction: line.chain_transaction,
        amount: line.amount,
        balance: String(balance),
      };
    });
  }

  private async accountOf(code: string, asset: string | undefined, moment: Moment): Promise<AccountRow> {
    const rows = await this.accounts.known(momentAt(moment, endOfTime), { code, asset, limit: 2 });
    const [row, other] = rows;
    if (row === undefined) {
      const held = asset === undefined ? '' : ` of ${asset}`;
      throw ProblemError.notFound(
        `There is no account "${code}"${held} as known at ${moment.asKnownAt}. GET /accounts lists those there are.`,
      );
    }
    if (other !== undefined) {
      throw ProblemError.invalid(
        `Parameter "asset": the account "${code}" holds several assets, ${row.asset} and others; say which one.`,
      );
    }
    return row;
  }
}

function checkDays({ from, to }: ScopeQuery): void {
  if (to < from) throw ProblemError.invalid(`Parameter "to": ${to} is before "from", ${from}.`);
  if (dayAfter(from, daysMax) < to)
    throw ProblemError.invalid(`Parameter "to": a statement is of at most ${daysMax} days.`);
}

const scopeOf = ({ code, asset }: AccountRow, { layer, from, to, moment }: ScopeQuery): StatementScope => ({
  account: code,
  asset,
  layer,
  from,
  to,
  moment,
});

function totalsIn(sums: readonly AccountSums[], { from, layer }: StatementScope): StatementTotals {
  const of = (day: string | null): Sums =>
    sums.find((one) => one.layer === layer && one.day === day)?.sums ?? noSums;
  return totalsOf(of(null), of(from));
}
