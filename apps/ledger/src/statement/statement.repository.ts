import { Injectable } from '@nestjs/common';
import { Database } from '@quittance/database';
import { z } from 'zod';

import { AccountRepository, type AccountRow } from '../account/account.repository.js';
import { AssetDirectory } from '../asset/asset-directory.js';
import { digits } from '../http/page.js';
import { ProblemError } from '../http/problem.error.js';
import { dayAfter, endOfTime, momentAt, type Moment } from '../moment/moment.js';
import { ReadingRepository } from '../moment/reading.repository.js';
import { AccountSumsRepository } from '../rollup/account-sums.repository.js';
import { noSums, type Sums } from '../rollup/sums.js';
import { type FoundLine, LineWalkRepository } from './line-walk.repository.js';
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

type HeaderRow = {
  id: string;
  event_type: string;
  payment_id: string | null;
  chain_transaction: string | null;
  effective_at: Date;
  occurred_at: Date;
  recorded_at: Date;
};

export type ScopeQuery = Pick<StatementQuery, 'from' | 'to' | 'asset' | 'layer'> & {
  readonly moment: Moment;
};

@Injectable()
export class StatementRepository {
  constructor(
    private readonly database: Database,
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
    const reading = await this.readings.page<[string, string, number, bigint | string]>(question, lineKeys);
    const { moment, after } = reading;
    const { scope, accountId } = await this.scope(code, { ...query, moment });
    const place = after === undefined ? null : { day: after[0], position: after[1], line: after[2] };
    const [totals, found] = await Promise.all([
      this.totals(scope, accountId),
      this.walk.lines({ scope, accountId, after: place, limit: query.limit + 1 }),
    ]);
    const shown = found.slice(0, query.limit);
    const lines = await this.linesOf(shown, after === undefined ? totals.opening : BigInt(after[3]));
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

  /** What a statement is of, once the account and its asset are found. */
  async scope(code: string, query: ScopeQuery): Promise<{ scope: StatementScope; accountId: string }> {
    const { from, to, asset, layer, moment } = query;
    if (to < from) throw ProblemError.invalid(`Parameter "to": ${to} is before "from", ${from}.`);
    if (dayAfter(from, daysMax) < to)
      throw ProblemError.invalid(`Parameter "to": a statement is of at most ${daysMax} days.`);
    const row = await this.accountOf(code, asset, moment);
    return { scope: { account: code, asset: row.asset, layer, from, to, moment }, accountId: row.id };
  }

  /** Opening, closing and what lies between. */
  async totals(scope: StatementScope, accountId: string): Promise<StatementTotals> {
    const { from, layer } = scope;
    const sums = await this.sums.at({ accountIds: [accountId], moment: closingMoment(scope), by: { from } });
    const of = (day: string | null): Sums =>
      sums.find((one) => one.layer === layer && one.day === day)?.sums ?? noSums;
    return totalsOf(of(null), of(from));
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
  async linesOf(found: readonly FoundLine[], before: bigint): Promise<StatementLine[]> {
    const headers = await this.headersOf(found.map(({ transactionId }) => transactionId));
    let balance = before;
    return found.map((line) => {
      const header = headers.get(line.transactionId);
      if (header === undefined)
        throw new RangeError(`transaction ${line.transactionId} has lines and no header`);
      balance += BigInt(line.amount);
      return {
        transactionId: line.transactionId,
        line: line.line,
        day: line.day,
        effectiveAt: header.effective_at.toISOString(),
        occurredAt: header.occurred_at.toISOString(),
        recordedAt: header.recorded_at.toISOString(),
        event: header.event_type,
        paymentId: header.payment_id,
        chainTransaction: header.chain_transaction,
        amount: line.amount,
        balance: String(balance),
      };
    });
  }

  private async headersOf(ids: readonly string[]): Promise<Map<string, HeaderRow>> {
    if (ids.length === 0) return new Map();
    const rows = await this.database.sql<HeaderRow>(
      `SELECT id, event_type, payment_id, chain_transaction, effective_at, occurred_at, recorded_at
         FROM ledger.transaction WHERE id = ANY ($1::bigint[])`,
      [[...new Set(ids)]],
    );
    return new Map(rows.map((row) => [row.id, row]));
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
