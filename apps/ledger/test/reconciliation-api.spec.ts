import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { z } from 'zod';

import {
  breakPage,
  breakSchema,
  breakWithHistorySchema,
  runPage,
  runSchema,
  standingsSchema,
} from '../src/reconciliation/reconciliation.schema.js';
import { ChainPayments, chainId, usdc } from './chain-payments.js';
import { accessTokens, tokenOf } from './people.js';
import { RunningLedger } from './running-ledger.js';

const shop = '0x209693bc6afc0c5328ba36faf03c514ef312287c';

let chain: ChainPayments;
let ledger: RunningLedger;
let last: bigint;

const [ada, ben, vera] = [tokenOf('ada'), tokenOf('ben'), tokenOf('vera')];

beforeAll(async () => {
  chain = await ChainPayments.start();
  ledger = await RunningLedger.start({
    ACCESS_TOKENS: accessTokens,
    RECONCILE: 'demand',
    NETWORKS: JSON.stringify([
      {
        chainId,
        rpcUrls: [chain.anvil.rpcUrl],
        assets: [{ address: usdc, symbol: 'USDC', decimals: 6, name: 'USDC', version: '2' }],
        relayers: [chain.relayer.address],
        finality: 0,
        pollIntervalMs: 50,
      },
    ]),
  });
  const payer = await chain.newPayer(1_000n);
  const told = await chain.pay({ payer, payTo: shop, amount: 100n });
  const untold = await chain.pay({ payer, payTo: shop, amount: 200n });
  await ledger.transport.publish([...told.events, untold.accepted]);
  await ledger.until('both are posted', async () => {
    const [row] = await ledger.asSuperuser('SELECT count(*)::int AS n FROM ledger.payment', []);
    return row?.['n'] === 2;
  });
  last = await chain.client.getBlockNumber();
}, 120_000);
afterAll(async () => {
  await ledger.close();
  await chain.anvil.stop();
});

async function read<Schema extends z.ZodType>(
  schema: Schema,
  path: string,
  token: string,
): Promise<z.output<Schema>> {
  const { status, body } = await ledger.get(path, token);
  expect({ status, body }).toMatchObject({ status: 200 });
  return schema.parse(body);
}

describe('comparing a range on demand', () => {
  it('is asked for, gets on, and reports what it found', async () => {
    const body = { chainId, fromBlock: '1', toBlock: String(last) };
    const asked = await ledger.post('/reconciliation/runs', { token: ada, body });
    expect(asked).toMatchObject({ status: 202 });
    const { id } = runSchema.parse(asked.body);
    await ledger.until('the run is done', async () => {
      return (await ledger.get(`/reconciliation/runs/${id}`, vera)).body['state'] === 'done';
    });
    const run = await read(runSchema, `/reconciliation/runs/${id}`, vera);
    expect(run).toMatchObject({ matched: '2', found: { late: 1 }, askedBy: 'ada', fault: null });
    const { items } = await read(runPage, '/reconciliation/runs', vera);
    expect(items).toEqual([run]);
    expect((await read(standingsSchema, '/reconciliation', vera)).items).toEqual([]);
  });

  it.each([
    [{ chainId, fromBlock: '9', toBlock: '1' }, 422, /fromBlock/],
    [{ chainId: 'eip155:1', fromBlock: '1', toBlock: '9' }, 422, /must be one of eip155:84532/],
    [{ chainId, fromBlock: 'x', toBlock: '9' }, 400, /fromBlock/],
    [{ chainId, fromBlock: '1' }, 400, /toBlock/],
    [{ chainId, fromBlock: '1', toBlock: '9', more: 1 }, 400, /more/],
  ])('is refused for %j', async (body, status, detail) => {
    const answer = await ledger.post('/reconciliation/runs', { token: ada, body });
    expect(answer).toMatchObject({ status, body: { detail: expect.stringMatching(detail) } });
  });

  it('is refused to who may only look', async () => {
    const body = { chainId, fromBlock: '1', toBlock: '2' };
    expect(await ledger.post('/reconciliation/runs', { token: vera, body })).toMatchObject({ status: 403 });
  });
});

describe('a break', () => {
  it('is found by what it is, and says why it is open', async () => {
    const all = await read(breakPage, '/breaks?state=open&type=late&age=0-1h', vera);
    expect(all.items).toHaveLength(1);
    const [one] = all.items;
    expect(one).toMatchObject({ type: 'late', value: '200', asset: { symbol: 'USDC' }, state: 'open' });
    expect(one?.detail).toMatch(/its event has not come yet/);
    expect((await read(breakPage, `/breaks?payment_id=${one?.paymentId}`, vera)).items).toEqual(all.items);
    expect((await read(breakPage, '/breaks?age=%3E7d', vera)).items).toEqual([]);
    expect(await ledger.get('/breaks?type=odd', vera)).toMatchObject({ status: 400 });
    expect(await ledger.get('/breaks/999', vera)).toMatchObject({ status: 404 });
  });

  it('is ended by two people, one after the other', async () => {
    const [one] = (await read(breakPage, '/breaks?state=open', vera)).items;
    const path = `/breaks/${one?.id}`;
    const proposal = {
      resolution: 'explained',
      reason: 'the event is lost, and the books are corrected by hand',
    };
    expect(await ledger.post(`${path}/approve`, { token: ben, body: {} })).toMatchObject({
      status: 409,
      body: { code: 'nothing_proposed' },
    });
    expect(await ledger.post(`${path}/assign`, { token: ada, body: { owner: 'ada' } })).toMatchObject({
      status: 200,
    });
    expect(await ledger.post(`${path}/propose`, { token: ada, body: proposal })).toMatchObject({
      status: 200,
    });
    expect(await ledger.post(`${path}/approve`, { token: ada, body: {} })).toMatchObject({
      status: 403,
      body: { code: 'own_proposal' },
    });
    const ended = await ledger.post(`${path}/approve`, { token: ben, body: {} });
    expect(ended.status).toBe(200);
    expect(breakSchema.parse(ended.body)).toMatchObject({
      state: 'explained',
      proposedBy: 'ada',
      approvedBy: 'ben',
    });
    expect(await ledger.post(`${path}/assign`, { token: ada, body: { owner: 'ben' } })).toMatchObject({
      status: 409,
    });
    const { history } = await read(breakWithHistorySchema, path, vera);
    expect(history.map(({ state, proposedBy, approvedBy }) => [state, proposedBy, approvedBy])).toEqual([
      ['open', null, null],
      ['open', null, null],
      ['open', 'ada', null],
      ['explained', 'ada', 'ben'],
    ]);
  });
});
