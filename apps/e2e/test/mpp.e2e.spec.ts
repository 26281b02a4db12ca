import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { evm as buyerEvm, Mppx as BuyerMppx } from 'mppx/client';
import { evm as sellerEvm, Mppx as SellerMppx } from 'mppx/server';
import type { Address } from 'viem';

import { buy } from '../src/agent.js';
import { tokenBalance, trialBalance } from '../src/books.js';
import { eventually, get } from '../src/http.js';
import { Payer } from '../src/payer.js';
import { type Stack, startStack } from '../src/stack.js';
import { postgresTransport } from '../src/transport.js';

/**
 * The Machine Payments Protocol: an unmodified `mppx` client buys from an unmodified `mppx` merchant with `evm.charge`,
 * whose x402 facilitator is ours. The merchant makes the payload that it sends us itself, without a `resource`.
 */
const price = '0.01';
const priceAtomic = 10_000n;
const { USDC } = sellerEvm.assets.baseSepolia;

type Merchant = {
  readonly goods: string;
  readonly payTo: Address;
  /** What it asked the facilitator, by path, with the fields of each payload. */
  readonly asked: Array<{ readonly path: string; readonly payloadFields: readonly string[] }>;
  close(): void;
};

describe('an mppx merchant', () => {
  let stack: Stack;
  const merchants: Merchant[] = [];

  beforeAll(async () => {
    stack = await startStack({ transport: postgresTransport });
  });

  afterAll(async () => {
    for (const merchant of merchants) merchant.close();
    await stack?.stop();
  });

  async function open(): Promise<Merchant> {
    const asked: Merchant['asked'] = [];
    const payTo = new Payer().account.address;
    const watchedFetch: typeof fetch = async (input, init) => {
      const { paymentPayload } = JSON.parse(String(init?.body)) as { paymentPayload: object };
      const path = new URL(String(input)).pathname;
      asked.push({ path, payloadFields: Object.keys(paymentPayload).sort() });
      return fetch(input, init);
    };
    const mppx = SellerMppx.create({
      methods: [
        sellerEvm.charge({
          currency: USDC,
          recipient: payTo,
          x402: { facilitator: stack.facilitators[0]?.url ?? '', fetch: watchedFetch },
        }),
      ],
      secretKey: 'a secret of this test, which has 32 bytes',
      realm: 'shop.example',
    });
    const charge = SellerMppx.toNodeListener(mppx.charge({ amount: price }));
    const server: Server = createServer((request, response) => {
      void charge(request, response).then((result) => {
        if (result.status === 402) return;
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ weather: 'sunny' }));
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const merchant = {
      goods: `http://127.0.0.1:${port}/weather`,
      payTo,
      asked,
      close: () => {
        server.close();
        server.closeAllConnections();
      },
    };
    merchants.push(merchant);
    return merchant;
  }

  async function expectPaid({ payTo, asked }: Merchant): Promise<void> {
    const [chain] = stack.chains;
    expect(await tokenBalance(chain as never, USDC.address, payTo)).toBe(priceAtomic);
    expect(asked.map(({ path }) => path)).toEqual(['/verify', '/settle']);
    for (const { payloadFields } of asked)
      expect(payloadFields).toEqual(['accepted', 'payload', 'x402Version']);
    await eventually('the ledger books it', async () => {
      const { body } = await get(`${stack.ledger.url}/balances?prefix=F:merchant:`);
      return JSON.stringify(body).includes(payTo.toLowerCase()) ? true : undefined;
    });
    expect(await trialBalance(stack)).toMatchObject({ balanced: true });
  }

  it('is paid by an mppx client, in MPP’s own words', async () => {
    const merchant = await open();
    const payer = await Payer.funded(stack.chains[0] as never, 1_000_000n);
    const client = BuyerMppx.create({
      methods: [buyerEvm.charge({ account: payer.account, currencies: [USDC] })],
      polyfill: false,
    });
    const response = await client.fetch(merchant.goods);
    expect({ status: response.status, body: await response.json() }).toEqual({
      status: 200,
      body: { weather: 'sunny' },
    });
    expect(response.headers.get('payment-receipt')).toBeTruthy();
    await expectPaid(merchant);
  });

  it('is paid by an x402 client too', async () => {
    const merchant = await open();
    const payer = await Payer.funded(stack.chains[0] as never, 1_000_000n);
    const bought = await buy(merchant.goods, payer, { chainId: 84532 });
    expect(bought).toMatchObject({ status: 200, body: { weather: 'sunny' } });
    await expectPaid(merchant);
  });
});
