import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { QuittanceEvent } from '@quittance/events';
import type { z } from 'zod';

import { accountEntryPage, accountPage } from '../src/account/account.schema.js';
import { balancePage } from '../src/balance/balance.schema.js';
import { paymentSchema } from '../src/payment/payment.schema.js';
import { transactionPage } from '../src/transaction/transaction.schema.js';
import { trialBalanceSchema } from '../src/trial-balance/trial-balance.schema.js';
import { asset, chainId, native, PaymentStory, relayer } from './payment-events.js';
import { type Answer, RunningLedger } from './running-ledger.js';

let ledger: RunningLedger;

const usdc = { id: asset, symbol: 'USDC', scale: 6 };
const wei = { id: native, symbol: null, scale: 18 };

const paid = new PaymentStory({ name: 'paid', amount: 1_000_000n });
const reverted = new PaymentStory({ name: 'reverted', amount: 250n });
const waiting = new PaymentStory({ name: 'waiting', amount: 2n ** 256n - 1n });

const get = (path: string): Promise<Answer> => ledger.get(path);
const read = <Schema extends z.ZodType>(schema: Schema, path: string): Promise<z.output<Schema>> =>
  ledger.read(schema, path);
const arrives = (story: PaymentStory, state: string): Promise<void> => ledger.arrives(story, state);

beforeAll(async () => {
  ledger = await RunningLedger.start();
  // The two topics are read side by side: without the wait a confirmation may be posted before its acceptance,
  // which is right in the books, but not the story that these tests tell.
  await ledger.transport.publish([paid.accepted(), reverted.accepted(), waiting.accepted()]);
  await Promise.all([paid, reverted, waiting].map((story) => arrives(story, 'accepted')));
  // What comes together is posted as what it comes to: the submissions are to have lines of their own.
  await ledger.transport.publish([paid.submitted(), reverted.submitted()]);
  await Promise.all([paid, reverted].map((story) => arrives(story, 'submitted')));
  const settlements: QuittanceEvent[] = [paid.confirmed('us'), reverted.failed()];
  await ledger.transport.publish(settlements);
  await Promise.all([arrives(paid, 'confirmed'), arrives(reverted, 'failed')]);
  await ledger.sealed();
}, 60_000);

afterAll(() => ledger.close(), 30_000);

async function transportLog(topic: string): Promise<unknown[]> {
  const rows = await ledger.asSuperuser('SELECT value FROM events.log WHERE topic = $1', [topic]);
  return rows.map((row) => row['value']);
}

describe('GET /payments/{id}', () => {
  it('tells who paid whom what, how it came about and what was posted', async () => {
    const payment = await read(paymentSchema, `/payments/${paid.paymentId.toUpperCase()}`);
    expect(payment).toMatchObject({
      id: paid.paymentId,
      state: 'confirmed',
      chainId,
      payer: paid.payer,
      payTo: paid.payTo,
      asset: usdc,
      amount: '1000000',
      resource: 'https://shop.example/weather\u0000',
      transaction: paid.transaction(1),
      settledBy: 'us',
      failure: null,
      gas: [{ attempt: 1, relayer, outcome: 'ok', fee: '85672000000000', asset: wei }],
    });
    expect(payment.timeline.map(({ what }) => what)).toEqual([
      'accepted',
      'submitted',
      'gas spent',
      'confirmed',
    ]);
    expect(
      new Set(payment.transactions.flatMap(({ entries }) => entries.map((entry) => entry.layer))),
    ).toEqual(new Set(['encumbered', 'inflight', 'settled']));
  });

  it('tells why one failed, and what it cost', async () => {
    const payment = await read(paymentSchema, `/payments/${reverted.paymentId}`);
    expect(payment).toMatchObject({
      state: 'failed',
      failure: { reason: 'insufficient_funds' },
      gas: [{ outcome: 'reverted' }],
    });
  });

  it.each([
    { path: '/payments/6f2d3c1a-5b7e-8f90-a1b2-c3d4e5f60718', status: 404, detail: /no payment 6f2d3c1a/ },
    { path: '/payments/1', status: 400, detail: /"id": must be a payment id/ },
    { path: '/payments', status: 404, detail: /nothing at GET \/payments/ },
  ])('refuses $path with $status by name', async ({ path, status, detail }) => {
    const code = status === 404 ? 'not_found' : 'invalid_request';
    const answer = await get(path);
    expect(answer).toMatchObject({ status, body: { status, code, detail: expect.stringMatching(detail) } });
    expect(answer.type).toContain('application/problem+json');
  });
});

describe('GET /accounts', () => {
  it('lists accounts with book, class and asset', async () => {
    const page = await read(accountPage, '/accounts?prefix=G:');
    expect(page.items.map((item) => [item.code, item.class, item.asset])).toEqual([
      [`G:expense:gas:${chainId}:ok`, 'expense', wei],
      [`G:expense:gas:${chainId}:reverted`, 'expense', wei],
      [`G:transit:gas:${chainId}`, 'asset', wei],
      [`G:wallet:relayer:${chainId}:${relayer}`, 'asset', wei],
    ]);
  });

  it('pages through the same list one by one', async () => {
    const whole = (await read(accountPage, '/accounts')).items;
    const codes: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: z.output<typeof accountPage> = await read(
        accountPage,
        `/accounts?limit=1${cursor === '' ? '' : `&cursor=${cursor}`}`,
      );
      codes.push(...page.items.map((item) => item.code));
      cursor = page.nextCursor;
    }
    expect(codes).toEqual(whole.map((item) => item.code));
  });

  it('lists the lines of an account in the order of posting, by asset and layer if asked', async () => {
    const code = `F:payer:${chainId}:${paid.payer}`;
    const all = await read(accountEntryPage, `/accounts/${code}/entries`);
    expect(all.items.map(({ layer, amount }) => `${layer} ${amount}`)).toEqual([
      'encumbered -1000000',
      'encumbered 1000000',
      'inflight -1000000',
      'inflight 1000000',
      'settled -1000000',
    ]);
    const settled = await read(
      accountEntryPage,
      `/accounts/${encodeURIComponent(code)}/entries?layer=settled&asset=${asset}`,
    );
    expect(settled.items).toEqual(all.items.filter((item) => item.layer === 'settled'));
    const first = await read(accountEntryPage, `/accounts/${code}/entries?limit=3`);
    const rest = await read(accountEntryPage, `/accounts/${code}/entries?limit=3&cursor=${first.nextCursor}`);
    expect([...first.items, ...rest.items]).toEqual(all.items);
    expect(rest.nextCursor).toBeNull();
  });

  it('says so when there is no such account', async () => {
    expect(await get('/accounts/F:transit:eip155:9/entries')).toMatchObject({
      status: 404,
      body: { detail: expect.stringContaining('F:transit:eip155:9') },
    });
  });
});

describe('GET /balances and GET /transactions', () => {
  it('give what an account comes to', async () => {
    const path = `/balances?account=F:merchant:${chainId}:${paid.payTo}&asset=${asset}&layer=settled`;
    const expected = {
      account: `F:merchant:${chainId}:${paid.payTo}`,
      asset: usdc,
      layer: 'settled',
      debit: '1000000',
      credit: '0',
      balance: '1000000',
    };
    expect((await read(balancePage, path)).items).toEqual([expected]);
    // As wallets and explorers write an address.
    const mixed = paid.payTo.replace(/[a-f]/, (letter) => letter.toUpperCase());
    expect(mixed).not.toBe(paid.payTo);
    expect((await read(balancePage, path.replace(paid.payTo, mixed))).items).toEqual([expected]);
    const search = `/transactions?account=F:merchant:${chainId}:${mixed.slice(0, 20)}*`;
    expect((await read(transactionPage, search)).items).not.toEqual([]);
    const [authorized] = (await read(balancePage, '/balances?prefix=F:authorized:')).items;
    expect(authorized?.balance).toBe((2n ** 256n - 1n).toString());
  });

  it('page through all balances', async () => {
    const whole = (await read(balancePage, '/balances')).items;
    const first = await read(balancePage, '/balances?limit=4');
    const rest = await read(balancePage, `/balances?cursor=${first.nextCursor}`);
    expect([...first.items, ...rest.items]).toEqual(whole);
  });

  it('give the transactions of a payment with their lines', async () => {
    const { items } = await read(transactionPage, `/transactions?payment_id=${reverted.paymentId}`);
    expect(items.map((item) => `${item.event} ${item.book}`)).toEqual([
      'payment.accepted F',
      'settlement.submitted F',
      'settlement.submitted G',
      'settlement.failed F',
      'settlement.failed G',
    ]);
    for (const { entries } of items)
      expect(entries.reduce((sum, entry) => sum + BigInt(entry.amount), 0n)).toBe(0n);
    const byHash = await read(
      transactionPage,
      `/transactions?chain_transaction=0x${reverted.transaction(1).slice(2).toUpperCase()}`,
    );
    expect(byHash.items).toEqual(items.slice(1));
    const first = await read(transactionPage, '/transactions?limit=2');
    const second = await read(transactionPage, `/transactions?limit=2&cursor=${first.nextCursor}`);
    const both = await read(transactionPage, '/transactions?limit=4');
    expect([...first.items, ...second.items]).toEqual(both.items);
  });

  it.each([
    ['/balances?layer=gone', /"layer": must be one of encumbered, inflight, settled/],
    ['/balances?limit=0', /"limit": must be a whole number from 1 to 1000/],
    ['/balances?limit=1001', /"limit"/],
    ['/balances?limit=1e2', /"limit"/],
    ['/balances?limit=1&limit=2', /"limit"/],
    ['/balances?asset=USDC', /"asset": must be a CAIP-19/],
    ['/balances?account=F:payer:%00', /"account"/],
    ["/balances?prefix=F:'--", /"prefix"/],
    [
      '/balances?acount=F:x',
      /no parameter "acount"; there are account, prefix, asset, layer, as_of, as_known_at, cursor, limit/,
    ],
    ['/balances?cursor=abc', /"cursor": is not a cursor that this list gave/],
    [
      `/balances?cursor=${Buffer.from('[{"length":{"toString":""}}]').toString('base64url')}`,
      /"cursor": is not a cursor/,
    ],
    [`/transactions?cursor=${Buffer.from('["1","2"]').toString('base64url')}`, /"cursor"/],
    ['/transactions?chain_transaction=0x12', /"chain_transaction": must be a transaction hash/],
    ['/transactions?payment_id=all', /"payment_id": must be a payment id/],
    ['/trial-balance?asset=USDC', /no parameter "asset"/],
    ['/accounts/x/entries', /"code": must be an account code/],
    [`/payments/0x${'ab'.repeat(32)}`, /is a UUID; GET \/transactions\?chain_transaction=0x… finds it/],
  ])('refuse %s, and name what was wrong', async (path, detail) => {
    const answer = await get(path);
    expect(answer).toMatchObject({
      status: 400,
      body: { code: 'invalid_request', detail: expect.stringMatching(detail) },
    });
    expect(answer.type).toContain('application/problem+json');
  });
});

describe('GET /trial-balance', () => {
  it('is balanced by book, asset and layer, and agrees with the balances', async () => {
    const trial = await read(trialBalanceSchema, '/trial-balance?verify=true');
    expect(trial).toMatchObject({
      balanced: true,
      verification: { balanced: true, balancesMatchEntries: true, mismatches: [] },
    });
    expect(trial.verification?.rows).toEqual(trial.rows);
    expect(trial.rows.map(({ book, asset: { id }, layer }) => `${book} ${id} ${layer}`)).toEqual([
      `F ${asset} encumbered`,
      `F ${asset} inflight`,
      `F ${asset} settled`,
      `G ${native} inflight`,
      `G ${native} settled`,
    ]);
    expect(trial.rows.every((row) => row.debits === row.credits && row.difference === '0')).toBe(true);
  });

  it('tells the same by class and group of accounts, and each group leads to its accounts', async () => {
    const { groups, asOf, asKnownAt } = await read(trialBalanceSchema, '/trial-balance');
    expect(groups.map((group) => `${group.class} ${group.prefix} ${group.layer}`)).toContain(
      'memo F:merchant settled',
    );
    for (const { prefix, asset: held, layer, balance } of groups) {
      const path = `/balances?prefix=${prefix}&asset=${held.id}&layer=${layer}&as_of=${asOf}&as_known_at=${asKnownAt}`;
      const { items } = await read(balancePage, path);
      expect(items.reduce((sum, item) => sum + BigInt(item.balance), 0n)).toBe(BigInt(balance));
    }
  });

  it('finds a balance that somebody falsified', async () => {
    const falsify = (by: number): Promise<unknown> =>
      ledger.asSuperuser(
        `UPDATE ledger.balance SET debit = debit + $1 WHERE layer = 'settled'
            AND account_id = (SELECT id FROM ledger.account WHERE code LIKE 'F:merchant:%')`,
        [by],
      );
    await falsify(1);
    const { verification } = await read(trialBalanceSchema, '/trial-balance?verify=true');
    await falsify(-1);
    expect(verification).toMatchObject({
      balanced: true,
      balancesMatchEntries: false,
      mismatches: [
        {
          account: `F:merchant:${chainId}:${paid.payTo}`,
          asset: usdc,
          layer: 'settled',
          balance: '1000001',
          entries: '1000000',
        },
      ],
    });
  });
});

describe('the service', () => {
  it('shows its document as a page and as JSON', async () => {
    expect(await get('/openapi.json')).toMatchObject({ status: 200, body: { openapi: '3.1.0' } });
    const page = await get('/docs');
    expect(page).toMatchObject({ status: 200, body: { text: expect.stringContaining('Quittance ledger') } });
  });

  it('takes no writing', async () => {
    const response = await fetch(`${ledger.service.url}/accounts`, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json' },
    });
    expect([response.status, response.headers.get('content-type')]).toEqual([
      404,
      expect.stringContaining('problem+json'),
    ]);
    const large = await fetch(`${ledger.service.url}/accounts`, { method: 'POST', body: 'x'.repeat(5_000) });
    expect(large.status).toBeGreaterThanOrEqual(400);
    expect(large.status).toBeLessThan(500);
  });

  it('puts an event that contradicts the books aside, and posts those behind it', async () => {
    const submitted = paid.submitted(2);
    const wrong = { ...submitted, data: { ...submitted.data, amount: '5' } } as QuittanceEvent;
    const behind = Array.from(
      { length: 8 },
      (_, index) => new PaymentStory({ name: `behind ${index}`, amount: 1n }),
    );
    await ledger.transport.publish([wrong, ...behind.map((story) => story.submitted())]);
    await Promise.all(behind.map((story) => arrives(story, 'submitted')));
    // It is put aside after its own tries, on a partition of its own: the others may be there before.
    const deadLetters = (): Promise<unknown[]> => transportLog('quittance.dead-letters.v1');
    await ledger.until('the dead letter', async () => (await deadLetters()).length > 0);
    const aside = await deadLetters();
    expect(aside).toEqual([expect.stringContaining(wrong.id)]);
    expect(aside[0]).toContain('contradicts what is known of payment');
    expect(await read(paymentSchema, `/payments/${paid.paymentId}`)).toMatchObject({
      state: 'confirmed',
      amount: '1000000',
    });
  });

  it('says unavailable while Postgres is down, then goes on where it was', async () => {
    expect(await get('/health/ready')).toMatchObject({ status: 200, body: { status: 'ready' } });
    await ledger.server.stopServer('immediate');
    expect(await get('/health/live')).toMatchObject({ status: 200 });
    expect(await get('/health/ready')).toMatchObject({
      status: 503,
      body: { checks: { database: { status: 'down' } } },
    });
    for (const path of ['/accounts', '/trial-balance', `/payments/${paid.paymentId}`]) {
      expect(await get(path)).toMatchObject({ status: 503, body: { code: 'database_unavailable' } });
    }
    await ledger.server.startServer();
    const late = new PaymentStory({ name: 'late', amount: 7n });
    await ledger.transport.publish([late.accepted()]);
    await arrives(late, 'accepted');
    expect(await get('/health/ready')).toMatchObject({ status: 200 });
  }, 40_000);
});
