import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '@quittance/database';
import type { z } from 'zod';

import { accountPage } from '../src/account/account.schema.js';
import { dayAfter } from '../src/moment/moment.js';
import { EntryPoster } from '../src/posting/entry-poster.repository.js';
import { PostingRepository } from '../src/posting/posting.repository.js';
import { SealingRepository } from '../src/proof/sealing.repository.js';
import { leafDigest } from '../src/proof/digest.js';
import { canonicalText, type Leaf } from '../src/proof/sealed-transaction.js';
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
import { checkCamt, parsedXml, type Xml } from './camt-checker.js';
import {
  assets,
  chains,
  generatedMonth,
  type Month,
  merchantAddress,
  month,
  networks,
  tariff,
} from './generated-month.js';
import { beanCheckOf, camtSchemaCheckOf, hledgerCheckOf, type Verdict } from './outside-checkers.js';
import { checkBeancount, checkHledger } from './plain-text-checkers.js';
import { RunningLedger } from './running-ledger.js';

/**
 * A month of generated business, read in every way that the API has. What was answered once is asked again after a second
 * part of the month came late, with old dates.
 */

const payments = 240;

let ledger: RunningLedger;
let database: Database;
let postings: PostingRepository;
let sealing: SealingRepository;
const business = generatedMonth(payments);

beforeAll(async () => {
  ledger = await RunningLedger.start({ NETWORKS: JSON.stringify(networks) });
  database = Database.connect({ url: ledger.server.serviceUrls.ledger, applicationName: 'month-spec' });
  postings = new PostingRepository(database, { tariff });
  sealing = new SealingRepository(database);
  await post(business);
}, 90_000);

afterAll(async () => {
  await database.close();
  await ledger.close();
}, 30_000);

async function post({ steps, transfers }: Month): Promise<void> {
  for (const events of steps) await postings.post({ events, shard: 0 });
  const poster = new EntryPoster(database);
  for (const transfer of transfers) await poster.post(transfer);
  await seal();
}

async function seal(): Promise<void> {
  for (;;) {
    const { outcome } = await sealing.seal();
    if (outcome === 'nothing') return;
  }
}

const read = <Schema extends z.ZodType>(schema: Schema, path: string): Promise<z.output<Schema>> =>
  ledger.read(schema, path);

async function download(path: string): Promise<{ text: string; headers: Headers }> {
  const response = await fetch(`${ledger.service.url}${path}`);
  const text = await response.text();
  expect({ status: response.status, text: response.status === 200 ? '' : text }).toEqual({
    status: 200,
    text: '',
  });
  return { text, headers: response.headers };
}

const encoded = encodeURIComponent;
const statementPath = (code: string, asset: string, from: string, to: string, layer = 'settled'): string =>
  `/accounts/${encoded(code)}/statement?asset=${encoded(asset)}&layer=${layer}&from=${from}&to=${to}`;

const merchantZero = `F:merchant:${chains.base}:${merchantAddress(0)}`;

const range = `from=${month.from}&to=${month.to}`;
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
  statementPath(merchantZero, assets.usdc, month.from, month.to),
  statementPath(`F:transit:${chains.base}`, assets.usdc, '2026-10-03', '2026-10-09', 'inflight'),
  `/reports/profit-and-loss?${range}`,
  '/reports/balance-sheet?as_of=2026-10-20',
  `/reports/fees?${range}`,
  `/reports/gas?${range}`,
  '/reports/ageing?side=receivable&as_of=2026-10-31',
  `/exports/journal.csv?account=${encoded('F:merchant:*')}`,
  '/exports/journal.jsonl?effective_from=2026-10-10&effective_to=2026-10-12',
  `/exports/beancount?book=G&${range}`,
  '/exports/hledger?from=2026-10-15',
  statementPath(merchantZero, assets.usdc, month.from, '2026-10-08').replace(
    '/statement?',
    '/statement.csv?',
  ),
  statementPath(merchantZero, assets.usdc, month.from, '2026-10-08').replace(
    '/statement?',
    '/statement.camt053?',
  ),
];

type Asked = { readonly question: string; readonly again: string; readonly text: string };

/** The moment of an answer is in it, or in its headers. */
async function ask(question: string): Promise<Asked> {
  const { text, headers } = await download(question);
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
      expect({ question, text: (await download(again)).text }).toEqual({ question, text });
    }
    // A second part of the same month, and a page of the first list that is still open.
    const open = await read(transactionPage, '/transactions?limit=10');
    await post(generatedMonth(60, payments));
    for (const { question, again, text } of asked) {
      expect({ question, text: (await download(again)).text }).toEqual({ question, text });
    }
    const rest = await read(transactionPage, `/transactions?limit=10&cursor=${open.nextCursor}`);
    const [{ text } = { text: '' }] = asked.filter(({ question }) => question === '/transactions?limit=37');
    const before = transactionPage.parse(JSON.parse(text));
    expect([...open.items, ...rest.items].map(({ id }) => id)).toEqual(
      before.items.slice(0, 20).map(({ id }) => id),
    );
    // And it did change what is known now.
    const now = await read(trialBalanceSchema, '/trial-balance');
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
    const answer = await ledger.get(`/trial-balance?${query}`);
    expect(answer).toMatchObject({ status, body: { detail: expect.stringMatching(detail) } });
  });

  it('is not decided within the last minute, and says until when it is', async () => {
    const answer = await ledger.get(`/balances?as_known_at=${new Date(Date.now() - 5).toISOString()}`);
    expect(answer).toMatchObject({ status: 422, body: { code: 'moment_undecided' } });
  });

  it('was answered with nothing before anything was sealed', async () => {
    expect(await read(accountPage, '/accounts?as_known_at=2020-01-01')).toMatchObject({
      items: [],
      asKnownAt: '1970-01-01T00:00:00.000Z',
    });
  });
});

describe('a cursor', () => {
  it('that nobody gave is refused, and one of another question or moment too', async () => {
    const { nextCursor, asKnownAt } = await read(transactionPage, '/transactions?limit=2');
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
      const answer = await ledger.get(path);
      expect(answer).toMatchObject({ status: 400, body: { detail: expect.stringMatching(detail) } });
    }
    const same = `/transactions?limit=2&as_known_at=${asKnownAt}&cursor=${nextCursor}`;
    expect((await read(transactionPage, same)).items).toHaveLength(2);
  });
});

describe('statements', () => {
  it('close each day with the opening of the next, for every account and day, and sum to the month', async () => {
    const { items } = await read(accountPage, '/accounts?limit=1000');
    expect(items.length).toBeGreaterThan(40);
    for (const { code, asset } of items.filter(
      (_, index) => index % 4 === 0 || !items[index]?.code.startsWith('F:payer'),
    )) {
      const whole = await read(statementSchema, statementPath(code, asset.id, month.from, month.to));
      let balance = whole.opening;
      let lines = 0;
      for (let day = month.from as string; day <= month.to; day = dayAfter(day, 5)) {
        const last = dayAfter(day, 4) < month.to ? dayAfter(day, 4) : month.to;
        const part = await read(statementSchema, `${statementPath(code, asset.id, day, last)}&limit=1000`);
        expect({ code, day, opening: part.opening }).toEqual({ code, day, opening: balance });
        expect(part.lines.at(-1)?.balance ?? part.opening).toBe(part.closing);
        balance = part.closing;
        lines += part.lines.length;
      }
      expect({ code, closing: balance, lines }).toEqual({
        code,
        closing: whole.closing,
        lines: whole.debits + whole.credits,
      });
    }
  }, 60_000);

  it('come in pages that go on with the balance', async () => {
    const path = statementPath(
      `F:authorized:${chains.base}`,
      assets.usdc,
      month.from,
      month.to,
      'encumbered',
    );
    const whole = await read(statementSchema, `${path}&limit=1000`);
    const lines: unknown[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: z.output<typeof statementSchema> = await read(
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
    expect(await ledger.get(path)).toMatchObject({ status, body: { detail: expect.stringMatching(detail) } });
  });
});

describe('reports', () => {
  it('agree with each other and with what was generated', async () => {
    const [profit, sheet, fees, gas] = [
      await read(profitAndLossSchema, `/reports/profit-and-loss?${range}`),
      await read(balanceSheetSchema, '/reports/balance-sheet'),
      await read(feeReportSchema, `/reports/fees?${range}`),
      await read(gasReportSchema, `/reports/gas?${range}`),
    ];
    const second = generatedMonth(60, payments).figures.settled;
    for (const chain of gas.chains) {
      const expected = (business.figures.settled[chain.chainId] ?? 0) + (second[chain.chainId] ?? 0);
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
    const { items } = await read(ageingPage, '/reports/ageing?side=receivable&as_of=2026-10-31');
    expect(items.length).toBeGreaterThan(20);
    for (const { outstanding, upToHour, upToDay, upToWeek, older } of items) {
      const sum = [upToHour, upToDay, upToWeek, older].reduce((total, part) => total + BigInt(part), 0n);
      expect(String(sum)).toBe(outstanding);
    }
    expect(items.some(({ older }) => older !== '0')).toBe(true);
    expect((await read(ageingPage, '/reports/ageing?side=payable')).items).toEqual([]);
  });
});

/** A refund is a credit on the merchant, as a settlement taken back is: the gas report counts payments less those. */
function refundsOn(chainId: string): number {
  const transfers = [...business.transfers, ...generatedMonth(60, payments).transfers];
  return transfers.filter(
    ({ kind, lines }) =>
      kind === 'transfer.refund' && lines.some(({ asset }) => asset.startsWith(`${chainId}/`)),
  ).length;
}

const passed = ({ checker, complaints }: Verdict): { checker: string; complaints: string } => ({
  checker,
  complaints,
});

describe('exports', () => {
  it.each(['', 'book=G&from=2026-10-15', 'book=F&to=2026-10-10'])(
    'as Beancount add up, by our own reader and by bean-check: %s',
    async (query) => {
      const { text } = await download(`/exports/beancount?${query}`);
      const { failures, assertions, transactions } = checkBeancount(text);
      expect(failures.slice(0, 5)).toEqual([]);
      expect(assertions).toBeGreaterThan(30);
      expect(transactions).toBeGreaterThan(30);
      expect(passed(beanCheckOf(text))).toEqual({ checker: 'bean-check', complaints: '' });
    },
    60_000,
  );

  it.each(['', 'book=F&from=2026-10-15'])(
    'as an hledger journal add up, by our own reader and by hledger: %s',
    async (query) => {
      const { text } = await download(`/exports/hledger?${query}`);
      const { failures, assertions } = checkHledger(text);
      expect(failures.slice(0, 5)).toEqual([]);
      expect(assertions).toBeGreaterThan(30);
      expect(passed(hledgerCheckOf(text))).toEqual({ checker: 'hledger', complaints: '' });
    },
    60_000,
  );

  it('are refused by every reader once one amount is another', async () => {
    const beancount = (await download('/exports/beancount?book=G')).text;
    const tampered = beancount.replace(
      /^( {2}Income\S+ {2}-?)([0-9]+)/m,
      (_, start, digits) => `${start}${digits}1`,
    );
    expect(tampered).not.toBe(beancount);
    expect(checkBeancount(tampered).failures).not.toEqual([]);
    const bean = beanCheckOf(tampered);
    expect(bean.complaints === '').toBe(!bean.ran);
    const journal = (await download('/exports/hledger?book=G')).text;
    const wrong = journal.replace(/ = (-?[0-9]+)/, ' = $11');
    expect(wrong).not.toBe(journal);
    expect(checkHledger(wrong).failures).not.toEqual([]);
    const hledger = hledgerCheckOf(wrong);
    expect(hledger.complaints === '').toBe(!hledger.ran);
  });

  it('as JSON Lines hold every transaction with its leaf, and go on where they broke off', async () => {
    const { text, headers } = await download('/exports/journal.jsonl');
    const lines = text.trimEnd().split('\n');
    expect(lines).toHaveLength(Number(headers.get('quittance-size')));
    for (const [position, line] of lines.entries()) {
      const leaf = JSON.parse(line) as Leaf;
      expect([leaf.position, leaf.leaf]).toEqual([position, leafDigest(canonicalText(leaf.transaction))]);
    }
    const moment = `as_of=${headers.get('quittance-as-of')}&as_known_at=${headers.get('quittance-as-known-at')}`;
    const rest = await download(`/exports/journal.jsonl?${moment}&position=123`);
    expect(rest.text).toBe(`${lines.slice(123).join('\n')}\n`);
  });

  it('as JSON Lines tell by hashes what they leave out, without a hole', async () => {
    const { text, headers } = await download(`/exports/journal.jsonl?book=G&effective_from=2026-10-10`);
    let at = 0;
    for (const line of text.trimEnd().split('\n')) {
      const item = JSON.parse(line) as Partial<Leaf> & { gap?: { first: number; end: number; hash: string } };
      expect(item.gap?.first ?? item.position).toBe(at);
      if (item.transaction !== undefined) {
        expect(item.transaction.book).toBe('G');
        expect(item.transaction.effectiveAt >= '2026-10-10').toBe(true);
      }
      at = item.gap?.end ?? at + 1;
    }
    expect(at).toBe(Number(headers.get('quittance-size')));
  });

  it('as CSV have a row for every line, in the order of the columns', async () => {
    const response = await fetch(`${ledger.service.url}/exports/journal.csv?book=F&bom=true`);
    const bytes = Buffer.from(await response.arrayBuffer());
    expect(bytes.subarray(0, 3)).toEqual(Buffer.from([0xef, 0xbb, 0xbf]));
    const [head = '', ...rows] = bytes.subarray(3).toString().trimEnd().split('\r\n');
    expect(head.startsWith('position,transaction_id,book,')).toBe(true);
    const columns = head.split(',');
    const sums = new Map<string, bigint>();
    for (const row of rows) {
      const fields = row.split(',');
      expect(fields).toHaveLength(columns.length);
      const asset = fields[columns.indexOf('asset')] ?? '';
      sums.set(asset, (sums.get(asset) ?? 0n) + BigInt(fields[columns.indexOf('amount_atomic')] ?? ''));
    }
    expect([...sums.values()]).toEqual([0n, 0n, 0n]);
  });

  it('as camt.053 are valid against the schema, and each day begins where the one before ended', async () => {
    for (const code of [merchantZero, `F:payer:${chains.base}:${await somePayer()}`]) {
      const path = statementPath(code, assets.usdc, month.from, month.to).replace(
        '/statement?',
        '/statement.camt053?',
      );
      const { text } = await download(path);
      expect(checkCamt(text)).toEqual([]);
      expect(passed(camtSchemaCheckOf(text))).toEqual({ checker: 'camt.053 schema', complaints: '' });
      const days = childrenOf(parsedXml(text).children[0], 'Stmt');
      expect(days).toHaveLength(31);
      const balances = days.map((day) => childrenOf(day, 'Bal').map(signed));
      for (const [index, [opening]] of balances.entries()) {
        if (index > 0) expect(opening).toBe(balances[index - 1]?.[1]);
      }
      for (const [index, day] of days.entries()) {
        const moved = childrenOf(day, 'Ntry').reduce((sum, entry) => sum + signed(entry), 0n);
        expect((balances[index]?.[0] ?? 0n) + moved).toBe(balances[index]?.[1]);
      }
    }
  });

  it('as camt.053 are refused where an amount has too many digits for it', async () => {
    const wallet = (await read(accountPage, '/accounts?prefix=G:wallet:treasury')).items[0];
    await post({
      steps: [],
      transfers: Array.from({ length: 2 }, (_, index) => ({
        book: 'G' as const,
        source: 'transfer' as const,
        sourceEventId: `00000000-0000-4000-8000-00000000000${index}`,
        kind: 'transfer.unknown_inbound',
        paymentId: null,
        chainTransaction: null,
        effectiveAt: new Date('2026-10-30T00:00:00Z'),
        lines: [
          {
            account: wallet?.code ?? '',
            asset: wallet?.asset.id as never,
            layer: 'settled' as const,
            amount: 10n ** 18n,
          },
          {
            account: `G:suspense:${wallet?.asset.id.split('/')[0]}`,
            asset: wallet?.asset.id as never,
            layer: 'settled' as const,
            amount: -(10n ** 18n),
          },
        ],
      })),
      figures: { settled: {} },
    });
    const path = statementPath(wallet?.code ?? '', wallet?.asset.id ?? '', month.from, month.to);
    const answer = await ledger.get(path.replace('/statement?', '/statement.camt053?'));
    expect(answer).toMatchObject({ status: 422, body: { code: 'amount_too_long' } });
    const { text } = await download(path.replace('/statement?', '/statement.csv?'));
    expect(text.trimEnd().split('\r\n').at(-1)).toMatch(/,closing,.*,[0-9]{18,},[0-9.]+$/);
  });
});

const childrenOf = (element: Xml | undefined, name: string): Xml[] =>
  element?.children.filter((child) => child.name === name) ?? [];

const signed = (element: Xml): bigint => {
  const [amount] = childrenOf(element, 'Amt');
  const [indicator] = childrenOf(element, 'CdtDbtInd');
  return BigInt(amount?.text ?? '') * (indicator?.text === 'CRDT' ? 1n : -1n);
};

async function somePayer(): Promise<string> {
  const { items } = await read(
    accountPage,
    `/accounts?prefix=F:payer:${chains.base}&asset=${encoded(assets.usdc)}`,
  );
  return items[0]?.code.split(':').at(-1) ?? '';
}
