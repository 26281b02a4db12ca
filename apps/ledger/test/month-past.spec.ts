import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { z } from 'zod';

import { accountPage } from '../src/account/account.schema.js';
import {
  ageingPage,
  balanceSheetSchema,
  feeReportSchema,
  gasReportSchema,
  profitAndLossSchema,
} from '../src/report/report.schema.js';
import { statementSchema } from '../src/statement/statement.schema.js';
import { transactionPage } from '../src/transaction/transaction.schema.js';
import { trialBalanceSchema } from '../src/trial-balance/trial-balance.schema.js';
import { assets, chains, generatedMonth } from './generated-month.js';
import { encoded, merchantZero, payments, range, RunningMonth, statementPath } from './running-month.js';

/**
 * A month of generated business, read in every way that the API has. What was answered once is asked again after a second
 * part of the month came late, with old dates.
 */

let running: RunningMonth;
const secondPart = generatedMonth(60, payments);

beforeAll(async () => {
  running = await RunningMonth.start();
}, 90_000);
afterAll(() => running.close(), 30_000);

const questions = [
  '/accounts',
  '/accounts?prefix=G:',
  `/accounts/${encoded(`F:transit:${chains.base}`)}/entries?limit=50`,
  '/balances',
  '/balances?prefix=F:merchant:',
  '/transactions?limit=37',
  '/transactions?account=F:merchant:*&amount_min=40000000',
  `/transactions?account=${merchantZero}`,
  `/transactions?asset=${encoded(assets.eurc)}&effective_from=2026-10-05&effective_to=2026-10-20`,
  '/trial-balance',
  '/trial-balance?as_of=2026-10-17',
  '/trial-balance?as_of=2026-10-17T13:14:15.678Z',
  statementPath({ code: merchantZero, asset: assets.usdc }),
  statementPath({
    code: `F:transit:${chains.base}`,
    asset: assets.usdc,
    from: '2026-10-03',
    to: '2026-10-09',
    layer: 'inflight',
  }),
  `/reports/profit-and-loss?${range}`,
  '/reports/balance-sheet?as_of=2026-10-20',
  `/reports/fees?${range}`,
  `/reports/gas?${range}`,
  '/reports/ageing?side=receivable&as_of=2026-10-31',
  `/exports/journal.csv?account=${encoded('F:merchant:*')}`,
  '/exports/journal.jsonl?effective_from=2026-10-10&effective_to=2026-10-12',
  `/exports/beancount?book=G&${range}`,
  '/exports/hledger?from=2026-10-15',
  statementPath({ code: merchantZero, asset: assets.usdc, to: '2026-10-08', as: 'csv' }),
  statementPath({ code: merchantZero, asset: assets.usdc, to: '2026-10-08', as: 'camt053' }),
];

type Asked = { readonly question: string; readonly again: string; readonly text: string };

/** The moment of an answer is in it, or in its headers. */
async function ask(question: string): Promise<Asked> {
  const { text, headers } = await running.download(question);
  const body = headers.get('content-type')?.includes('application/json') === true ? JSON.parse(text) : null;
  const asOf = body === null ? headers.get('quittance-as-of') : body.asOf;
  const asKnownAt = body === null ? headers.get('quittance-as-known-at') : body.asKnownAt;
  const [path, query = ''] = question.split('?');
  const parameters = new URLSearchParams(query);
  parameters.set('as_of', asOf);
  parameters.set('as_known_at', asKnownAt);
  return { question, again: `${path}?${parameters}`, text };
}

describe('the same question about the past', () => {
  it('has the same answer byte for byte, whatever came later and however old it is', async () => {
    const asked: Asked[] = [];
    for (const question of questions) asked.push(await ask(question));
    for (const { question, again, text } of asked) {
      expect({ question, text: (await running.download(again)).text }).toEqual({ question, text });
    }
    // A second part of the same month, and a page of the first list that is still open.
    const open = await running.read(transactionPage, '/transactions?limit=10');
    await running.post(secondPart);
    for (const { question, again, text } of asked) {
      expect({ question, text: (await running.download(again)).text }).toEqual({ question, text });
    }
    const rest = await running.read(transactionPage, `/transactions?limit=10&cursor=${open.nextCursor}`);
    const [{ text } = { text: '' }] = asked.filter(({ question }) => question === '/transactions?limit=37');
    const before = transactionPage.parse(JSON.parse(text));
    expect([...open.items, ...rest.items].map(({ id }) => id)).toEqual(
      before.items.slice(0, 20).map(({ id }) => id),
    );
    // And it did change what is known now.
    const now = await running.read(trialBalanceSchema, '/trial-balance');
    const then = trialBalanceSchema.parse(
      JSON.parse(asked.find((one) => one.question === '/trial-balance')?.text ?? ''),
    );
    expect(now.rows).not.toEqual(then.rows);
    expect(now.balanced && then.balanced).toBe(true);
  }, 60_000);

  it.each([
    ['as_known_at=2999-01-01', 422, /in the future/],
    ['as_of=yesterday', 400, /"as_of": must be a time/],
    ['as_known_at=2026-02-30', 400, /"as_known_at": must be a time/],
  ])('is refused by name where it has no answer: %s', async (query, status, detail) => {
    const answer = await running.ledger.get(`/trial-balance?${query}`);
    expect(answer).toMatchObject({ status, body: { detail: expect.stringMatching(detail) } });
  });

  it('is not decided within the last minute, and says until when it is', async () => {
    const answer = await running.ledger.get(
      `/balances?as_known_at=${new Date(Date.now() - 5).toISOString()}`,
    );
    expect(answer).toMatchObject({ status: 422, body: { code: 'moment_undecided' } });
  });

  it('was answered with nothing before anything was sealed', async () => {
    expect(await running.read(accountPage, '/accounts?as_known_at=2020-01-01')).toMatchObject({
      items: [],
      asKnownAt: '1970-01-01T00:00:00.000Z',
    });
  });
});

describe('a cursor', () => {
  it('that nobody gave is refused, and one of another question or moment too', async () => {
    const { nextCursor, asKnownAt } = await running.read(transactionPage, '/transactions?limit=2');
    const [body = '', tag = ''] = (nextCursor ?? '').split('.');
    const forged = Buffer.from(
      Buffer.from(body, 'base64url').toString().replace('"size":"', '"size":"9'),
    ).toString('base64url');
    for (const [path, detail] of [
      [`/transactions?limit=2&cursor=${forged}.${tag}`, /not a cursor that this list gave/],
      [`/transactions?cursor=${body}`, /not a cursor that this list gave/],
      [`/transactions?limit=2&account=G:*&cursor=${nextCursor}`, /of another question/],
      [`/accounts?cursor=${nextCursor}`, /of another question|not a cursor/],
      [`/transactions?as_of=2026-10-01&cursor=${nextCursor}`, /of another as_of/],
    ] as const) {
      const answer = await running.ledger.get(path);
      expect(answer).toMatchObject({ status: 400, body: { detail: expect.stringMatching(detail) } });
    }
    const same = `/transactions?limit=2&as_known_at=${asKnownAt}&cursor=${nextCursor}`;
    expect((await running.read(transactionPage, same)).items).toHaveLength(2);
  });
});

describe('statements', () => {
  it('come in pages that go on with the balance', async () => {
    const path = statementPath({
      code: `F:authorized:${chains.base}`,
      asset: assets.usdc,
      layer: 'encumbered',
    });
    const whole = await running.read(statementSchema, `${path}&limit=1000`);
    const lines: unknown[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: z.output<typeof statementSchema> = await running.read(
        statementSchema,
        `${path}&limit=23${cursor === '' ? '' : `&cursor=${cursor}`}`,
      );
      expect(page.id).toBe(whole.id);
      lines.push(...page.lines);
      cursor = page.nextCursor;
    }
    expect(lines).toEqual(whole.lines);
  });

  it.each([
    [`/accounts/F:transit:eip155:9/statement?${range}`, 404, /no account "F:transit:eip155:9"/],
    [
      `/accounts/${encoded(merchantZero)}/statement?from=2026-10-02&to=2026-10-01`,
      400,
      /"to": 2026-10-01 is before/,
    ],
    [`/accounts/${encoded(merchantZero)}/statement?from=2026-10-02`, 400, /"to"/],
    [`/accounts/${encoded(merchantZero)}/statement?${range}`, 400, /holds several assets/],
  ])('refuse %s by name', async (path, status, detail) => {
    expect(await running.ledger.get(path)).toMatchObject({
      status,
      body: { detail: expect.stringMatching(detail) },
    });
  });
});

describe('reports', () => {
  it('agree with each other and with what was generated', async () => {
    const [profit, sheet, fees, gas] = [
      await running.read(profitAndLossSchema, `/reports/profit-and-loss?${range}`),
      await running.read(balanceSheetSchema, '/reports/balance-sheet'),
      await running.read(feeReportSchema, `/reports/fees?${range}`),
      await running.read(gasReportSchema, `/reports/gas?${range}`),
    ];
    const second = secondPart.figures.settled;
    for (const chain of gas.chains) {
      const expected = (running.business.figures.settled[chain.chainId] ?? 0) + (second[chain.chainId] ?? 0);
      expect({ chain: chain.chainId, payments: chain.payments + refundsOn(chain.chainId) }).toEqual({
        chain: chain.chainId,
        payments: expected,
      });
      const expense = profit.assets.find(({ asset }) => asset.id === chain.asset.id)?.expense;
      expect(chain.total).toBe(expense);
      expect(chain.outcomes.map(({ outcome }) => outcome)).toEqual(['ok', 'reverted', 'topup']);
      expect(chain.waste).toBe(chain.outcomes.find(({ outcome }) => outcome === 'reverted')?.amount);
    }
    for (const { asset, charged, net } of fees.totals) {
      expect(profit.assets.find((one) => one.asset.id === asset.id)?.revenue).toBe(net);
      const items = fees.items.filter((item) => item.asset.id === asset.id);
      expect(items.reduce((sum, item) => sum + BigInt(item.charged), 0n)).toBe(BigInt(charged));
      expect(new Set(items.map(({ scheme }) => scheme))).toEqual(new Set(['exact']));
    }
    expect(fees.items.length).toBeGreaterThan(20);
    for (const one of sheet.assets) expect(one.difference).toBe('0');
  });

  it('tell how old what is owed is', async () => {
    const { items } = await running.read(ageingPage, '/reports/ageing?side=receivable&as_of=2026-10-31');
    expect(items.length).toBeGreaterThan(20);
    for (const { outstanding, upToHour, upToDay, upToWeek, older } of items) {
      const sum = [upToHour, upToDay, upToWeek, older].reduce((total, part) => total + BigInt(part), 0n);
      expect(String(sum)).toBe(outstanding);
    }
    expect(items.some(({ older }) => older !== '0')).toBe(true);
    expect((await running.read(ageingPage, '/reports/ageing?side=payable')).items).toEqual([]);
  });
});

/** A refund is a credit on the merchant, as a settlement taken back is: the gas report counts payments less those. */
function refundsOn(chainId: string): number {
  const transfers = [...running.business.transfers, ...secondPart.transfers];
  return transfers.filter(
    ({ kind, lines }) =>
      kind === 'transfer.refund' && lines.some(({ asset }) => asset.startsWith(`${chainId}/`)),
  ).length;
}
