import { Injectable } from '@nestjs/common';

import { type AccountClass } from '../account/account.schema.js';
import {
  accountKeys,
  AccountRepository,
  type AccountRow,
  keysOfAccount,
} from '../account/account.repository.js';
import { AssetDirectory } from '../asset/asset-directory.js';
import { beforeDay, endOfTime, type Moment, momentAt, untilEndOfDay } from '../moment/moment.js';
import { type MomentPage, momentPageOf } from '../moment/moment-page.js';
import { ReadingRepository } from '../moment/reading.repository.js';
import { type AccountSums, AccountSumsRepository } from '../rollup/account-sums.repository.js';
import { type HeadSums, HeadSumsRepository } from '../rollup/head-sums.repository.js';
import { balanceOf, lessSums, noSums, type Sums } from '../rollup/sums.js';
import { aged, ages } from './ageing.js';
import type {
  Ageing,
  AgeingQuery,
  BalanceSheet,
  GasReport,
  ProfitAndLoss,
  RangeQuery,
} from './report.schema.js';

/** Accounts of results are a few for each chain and scheme. */
const resultAccountsMax = 10_000;
const settled = 'settled';
const gasPrefix = 'G:expense:gas:';
/** What gas is spent on without settling anything: everything else. */
const useful: ReadonlySet<string> = new Set(['ok', 'topup', 'given', 'sponsored']);

type Movement = { readonly row: AccountRow; readonly sums: Sums };

/** Reports that are sums of accounts. */
@Injectable()
export class ReportRepository {
  constructor(
    private readonly accounts: AccountRepository,
    private readonly sums: AccountSumsRepository,
    private readonly heads: HeadSumsRepository,
    private readonly assets: AssetDirectory,
    private readonly readings: ReadingRepository,
  ) {}

  async profitAndLoss(query: RangeQuery): Promise<ProfitAndLoss> {
    const { from, to } = query;
    const moment = await this.readings.moment(query);
    const moved = await this.movements(moment, query, { classes: ['revenue', 'expense'] });
    const byAsset = Map.groupBy(moved, ({ row }) => row.asset);
    const assets = [...byAsset].sort(byFirst).map(([asset, movements]) => {
      const amounts = movements.map(({ row, sums }) => ({
        account: row.code,
        class: row.class,
        amount: onOwnSide(row.class, sums),
      }));
      const sumOf = (kind: AccountClass): bigint =>
        amounts.reduce((sum, one) => (one.class === kind ? sum + one.amount : sum), 0n);
      const [revenue, expense] = [sumOf('revenue'), sumOf('expense')];
      return {
        asset: this.assets.view(asset),
        revenue: String(revenue),
        expense: String(expense),
        result: String(revenue - expense),
        accounts: amounts.map((one) => ({ ...one, amount: String(one.amount) })),
      };
    });
    return { ...timesOf(moment), from, to, assets };
  }

  async balanceSheet(query: Parameters<ReadingRepository['moment']>[0]): Promise<BalanceSheet> {
    const moment = await this.readings.moment(query);
    const own = (await this.heads.at(moment)).filter(
      (head) => head.layer === settled && head.head.startsWith('G:'),
    );
    const byAsset = Map.groupBy(own, ({ asset }) => asset);
    const assets = [...byAsset].sort(byFirst).map(([asset, heads]) => {
      const sumOf = (kind: AccountClass): bigint =>
        heads.reduce((sum, head) => (head.class === kind ? sum + onOwnSide(kind, head.sums) : sum), 0n);
      const [owned, owed, equity] = [sumOf('asset'), sumOf('liability'), sumOf('equity')];
      const result = sumOf('revenue') - sumOf('expense');
      return {
        asset: this.assets.view(asset),
        owned: String(owned),
        owed: String(owed),
        equity: String(equity),
        result: String(result),
        difference: String(owned - owed - equity - result),
        groups: heads.filter(isOnSheet).map((head) => ({
          class: head.class as AccountClass,
          prefix: head.head,
          balance: String(onOwnSide(head.class as AccountClass, head.sums)),
        })),
      };
    });
    return { ...timesOf(moment), assets };
  }

  async gas(query: RangeQuery): Promise<GasReport> {
    const { from, to } = query;
    const moment = await this.readings.moment(query);
    const [moved, payments] = await Promise.all([
      this.movements(moment, query, { prefix: gasPrefix }),
      this.settledPayments(moment, query),
    ]);
    const byChain = Map.groupBy(moved, ({ row }) => chainOf(row.code.slice(gasPrefix.length)));
    const chains = [...byChain].sort(byFirst).map(([chainId, movements]) => {
      const outcomes = movements.map(({ row, sums }) => ({
        outcome: row.code.slice(gasPrefix.length + chainId.length + 1),
        parts: sums.debits - sums.credits,
        amount: balanceOf(sums),
      }));
      const total = outcomes.reduce((sum, { amount }) => sum + amount, 0n);
      const waste = outcomes.reduce(
        (sum, { outcome, amount }) => (useful.has(outcome) ? sum : sum + amount),
        0n,
      );
      const settledHere = payments.get(chainId) ?? 0;
      return {
        chainId,
        asset: this.assets.view(movements[0]?.row.asset ?? ''),
        outcomes: outcomes.map((one) => ({ ...one, amount: String(one.amount) })),
        total: String(total),
        waste: String(waste),
        payments: settledHere,
        costPerPayment: settledHere > 0 ? String(dividedUp(total, BigInt(settledHere))) : null,
      };
    });
    return { ...timesOf(moment), from, to, chains };
  }

  /** What is still owed to others or by others, by how long it has been. */
  async ageing(query: AgeingQuery): Promise<MomentPage<Ageing>> {
    const { side, limit } = query;
    const reading = await this.readings.page(query, accountKeys);
    const { moment, after } = reading;
    const prefix = `G:${side}:`;
    const rows = await this.accounts.known(moment, { prefix, after, limit: limit + 1 });
    const accountIds = rows.slice(0, limit).map(({ id }) => id);
    const at = async (ageMs: number): Promise<Map<string, Sums>> =>
      settledByAccount(await this.sums.at({ accountIds, moment: earlier(moment, ageMs) }));
    const [now, hour, day, week] = await Promise.all([
      at(0),
      at(ages.hourMs),
      at(ages.dayMs),
      at(ages.weekMs),
    ]);
    return momentPageOf({
      reading,
      rows,
      limit,
      keys: keysOfAccount,
      view: (row) => {
        const owed = (sums: Map<string, Sums>): bigint => {
          const { debit, credit } = sums.get(row.id) ?? noSums;
          return side === 'receivable' ? debit : credit;
        };
        const { debit, credit } = now.get(row.id) ?? noSums;
        const parts = aged(
          { now: owed(now), hourAgo: owed(hour), dayAgo: owed(day), weekAgo: owed(week) },
          side === 'receivable' ? credit : debit,
        );
        return {
          account: row.code,
          asset: this.assets.view(row.asset),
          outstanding: String(parts.outstanding),
          upToHour: String(parts.upToHour),
          upToDay: String(parts.upToDay),
          upToWeek: String(parts.upToWeek),
          older: String(parts.older),
        };
      },
    });
  }

  /** What was posted to accounts within the days, on the settled layer. */
  private async movements(
    moment: Moment,
    { from, to }: Pick<RangeQuery, 'from' | 'to'>,
    which: { readonly classes?: readonly AccountClass[]; readonly prefix?: string },
  ): Promise<Movement[]> {
    const rows = await this.accounts.known(momentAt(moment, endOfTime), {
      ...which,
      limit: resultAccountsMax,
    });
    const accountIds = rows.map(({ id }) => id);
    const [before, until] = await Promise.all([
      this.sums.at({ accountIds, moment: beforeDay(moment, from) }),
      this.sums.at({ accountIds, moment: untilEndOfDay(moment, to) }),
    ]);
    const [sumsBefore, sumsUntil] = [settledByAccount(before), settledByAccount(until)];
    return rows.flatMap((row) => {
      const sums = lessSums(sumsUntil.get(row.id) ?? noSums, sumsBefore.get(row.id) ?? noSums);
      return sums.debits + sums.credits === 0 ? [] : [{ row, sums }];
    });
  }

  /** How many payments settled on each chain within the days. */
  private async settledPayments(
    moment: Moment,
    { from, to }: Pick<RangeQuery, 'from' | 'to'>,
  ): Promise<Map<string, number>> {
    const counted = async (at: Moment, sign: 1 | -1): Promise<readonly (readonly [string, number])[]> =>
      (await this.heads.at(at))
        .filter(({ head, layer }) => head === 'F:merchant' && layer === settled)
        .map(
          ({ asset, sums }) =>
            [asset.slice(0, asset.indexOf('/')), sign * (sums.debits - sums.credits)] as const,
        );
    const parts = await Promise.all([
      counted(untilEndOfDay(moment, to), 1),
      counted(beforeDay(moment, from), -1),
    ]);
    const payments = new Map<string, number>();
    for (const [chain, count] of parts.flat()) payments.set(chain, (payments.get(chain) ?? 0) + count);
    return payments;
  }
}

const timesOf = ({ asOf, asKnownAt }: Moment): { asOf: string; asKnownAt: string } => ({ asOf, asKnownAt });
const byFirst = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number =>
  a < b ? -1 : 1;
const earlier = (moment: Moment, ms: number): Moment =>
  momentAt(moment, new Date(Date.parse(moment.asOf) - ms).toISOString());
const isOnSheet = ({ class: kind }: HeadSums): boolean => ['asset', 'liability', 'equity'].includes(kind);
const dividedUp = (amount: bigint, by: bigint): bigint => (amount + by - 1n) / by;
/** `eip155:8453:ok` is of `eip155:8453`. */
const chainOf = (code: string): string => code.split(':').slice(0, 2).join(':');

/** Debits make assets and expenses larger, credits the rest. */
function onOwnSide(kind: AccountClass, sums: Sums): bigint {
  const balance = balanceOf(sums);
  return kind === 'asset' || kind === 'expense' || kind === 'memo' ? balance : -balance;
}

function settledByAccount(sums: readonly AccountSums[]): Map<string, Sums> {
  return new Map(
    sums.filter(({ layer }) => layer === settled).map(({ accountId, sums: own }) => [accountId, own]),
  );
}
