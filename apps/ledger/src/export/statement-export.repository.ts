import { Injectable } from '@nestjs/common';
import { formatDecimal } from '@quittance/money';

import { AssetDirectory } from '../asset/asset-directory.js';
import { ProblemError } from '../http/problem.error.js';
import { dayAfter, type Moment } from '../moment/moment.js';
import { AccountSumsRepository } from '../rollup/account-sums.repository.js';
import type { LinePlace } from '../rollup/line-runs.js';
import { noSums, type Sums } from '../rollup/sums.js';
import { LineWalkRepository } from '../statement/line-walk.repository.js';
import { closingMoment, type StatementScope, type StatementTotals } from '../statement/statement.js';
import { type ScopeQuery, StatementRepository } from '../statement/statement.repository.js';
import type { StatementLine } from '../statement/statement.schema.js';
import {
  type CamtAccount,
  camtAmountEnd,
  camtBegin,
  type CamtDay,
  camtDayBegin,
  camtDayEnd,
  camtEnd,
  camtEntry,
} from './camt053.js';
import { csvRow } from './csv.js';

/** Lines that are read at once. */
const linesAtOnce = 1_000;
/** Statements in one message of camt.053. */
export const camtDaysMax = 366;

const csvColumns = [
  'day',
  'effective_at',
  'occurred_at',
  'recorded_at',
  'transaction_id',
  'line',
  'event',
  'payment_id',
  'chain_transaction',
  'amount_atomic',
  'amount',
  'balance_atomic',
  'balance',
  'account',
  'asset',
  'layer',
];

type Ready = { readonly scope: StatementScope; readonly accountId: string; readonly totals: StatementTotals };

/** Statements as files. */
@Injectable()
export class StatementExportRepository {
  constructor(
    private readonly statements: StatementRepository,
    private readonly walk: LineWalkRepository,
    private readonly sums: AccountSumsRepository,
    private readonly assets: AssetDirectory,
  ) {}

  /** What the statement is of, found before anything is sent. */
  async prepare(code: string, query: ScopeQuery): Promise<Ready> {
    const { scope, accountId } = await this.statements.scope(code, query);
    return { scope, accountId, totals: await this.statements.totals(scope, accountId) };
  }

  /** Opening and closing are rows of their own, with nothing but a day and a balance. */
  async *csv({ scope, accountId, totals }: Ready): AsyncGenerator<string> {
    const { scale } = this.assets.view(scope.asset);
    const decimal = (amount: bigint): string | null => (scale === null ? null : formatDecimal(amount, scale));
    // On each row: rows of several statements may come together in one sheet.
    const { account, asset, layer } = scope;
    const place = [account, asset, layer];
    const balanceRow = (day: string, what: string, balance: bigint): string =>
      csvRow([
        ...[day, null, null, null, null, null, what, null, null, null, null],
        ...[String(balance), decimal(balance), ...place],
      ]);
    yield csvRow(csvColumns) + balanceRow(scope.from, 'opening', totals.opening);
    for await (const lines of this.lines(scope, accountId, totals.opening)) {
      const rows = lines.map((line) =>
        csvRow([
          line.day,
          line.effectiveAt,
          line.occurredAt,
          line.recordedAt,
          line.transactionId,
          line.line,
          line.event,
          line.paymentId,
          line.chainTransaction,
          line.amount,
          decimal(BigInt(line.amount)),
          line.balance,
          decimal(BigInt(line.balance)),
          ...place,
        ]),
      );
      yield rows.join('');
    }
    yield balanceRow(scope.to, 'closing', totals.closing);
  }

  /** @throws ProblemError 422 where amounts have more digits than the format. */
  async camt({ scope, accountId, totals }: Ready): Promise<AsyncGenerator<string>> {
    if (dayAfter(scope.from, camtDaysMax) <= scope.to) {
      throw ProblemError.invalid(`Parameter "to": a camt.053 has at most ${camtDaysMax} days.`);
    }
    const days = await this.days(scope, accountId, totals.opening);
    const largest = days.flatMap(({ opening, closing, within }) => [
      opening,
      closing,
      within.debit,
      within.credit,
    ]);
    if (largest.some((amount) => amount >= camtAmountEnd || amount <= -camtAmountEnd)) {
      throw new ProblemError({
        status: 422,
        code: 'amount_too_long',
        title: 'Amount too long for camt.053',
        detail:
          'An amount within has more than 18 digits, which camt.053 cannot hold. Take the statement as CSV.',
      });
    }
    return this.camtText(scope, accountId, days);
  }

  private async *camtText(
    scope: StatementScope,
    accountId: string,
    days: readonly CamtDay[],
  ): AsyncGenerator<string> {
    const { account: code, layer, from, to, moment } = scope;
    const account: CamtAccount = {
      code,
      asset: this.assets.view(scope.asset),
      layer,
      from,
      to,
      knownAt: moment.asKnownAt,
    };
    yield camtBegin(account);
    // Lines come by day: they are walked once, and the days that they have passed are ended on the way.
    const statements = new OpenDay(account, days);
    for await (const lines of this.lines(scope, accountId, days[0]?.opening ?? 0n)) {
      yield lines.map((line) => statements.until(line.day) + camtEntry(account, line)).join('');
    }
    yield statements.until(to) + camtDayEnd(account) + camtEnd;
  }

  /** Every day of the range, those without lines too. */
  private async days(scope: StatementScope, accountId: string, opening: bigint): Promise<CamtDay[]> {
    const moment: Moment = closingMoment(scope);
    const sums = await this.sums.at({ accountIds: [accountId], moment, by: 'day' });
    const byDay = new Map<string, Sums>();
    for (const { layer, day, sums: own } of sums)
      if (layer === scope.layer && day !== null) byDay.set(day, own);
    const days: CamtDay[] = [];
    let balance = opening;
    for (let day = scope.from; day <= scope.to; day = dayAfter(day)) {
      const within = byDay.get(day) ?? noSums;
      const closing = balance + within.debit - within.credit;
      days.push({ day, opening: balance, within, closing });
      balance = closing;
    }
    return days;
  }

  private async *lines(
    scope: StatementScope,
    accountId: string,
    opening: bigint,
  ): AsyncGenerator<StatementLine[]> {
    let after: LinePlace | null = null;
    let balance = opening;
    for (;;) {
      const found = await this.walk.lines({ scope, accountId, after, limit: linesAtOnce });
      const last = found.at(-1);
      if (last === undefined) return;
      const lines = this.statements.linesOf(found, balance);
      yield lines;
      balance = BigInt(lines.at(-1)?.balance ?? balance);
      if (found.length < linesAtOnce) return;
      after = last;
    }
  }
}

/** Which day's statement is being written. */
class OpenDay {
  #place = -1;

  constructor(
    private readonly account: CamtAccount,
    private readonly days: readonly CamtDay[],
  ) {}

  /** Ends the statements of the days before, those without lines too, and begins that of the day. */
  until(day: string): string {
    let text = '';
    for (const next of this.days.slice(this.#place + 1)) {
      if (next.day > day) break;
      if (this.#place >= 0) text += camtDayEnd(this.account);
      text += camtDayBegin(this.account, next);
      this.#place += 1;
    }
    return text;
  }
}
