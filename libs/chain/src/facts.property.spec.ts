import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Anvil, mintDevToken, startAnvil } from '@quittance/embedded';
import type { Eip3009Payment } from '@quittance/exact-evm';
import { atomicAmount } from '@quittance/money';
import fc from 'fast-check';
import { type Address, createTestClient, http } from 'viem';

import { answer, type FakeNode, type Question, startFakeNode } from '../test/fake-node.js';
import { networkAt, newPayer, payBy, seller, testDollar, usdc } from '../test/payments.js';
import { EvmChain } from './evm-chain.js';

const payers = Array.from({ length: 6 }, () => newPayer());
const rich = newPayer();
/** Uses up all the gas that it is given. */
const burner: Address = '0x00000000000000000000000000000000000000d1';
/** Takes any call, and answers nothing. */
const sink: Address = '0x00000000000000000000000000000000000000d2';
/** Answers nothing for 0, else burns: the same to all reads, and to a transfer all the gas. */
const transferBurner: Address = '0x00000000000000000000000000000000000000d3';
const balance = 25_000n;
let anvil: Anvil;
let chain: EvmChain;

beforeAll(async () => {
  anvil = await startAnvil({ blockTimeS: 3_600 });
  chain = EvmChain.connect(networkAt(anvil.rpcUrl));
  for (const { address } of payers.slice(1)) {
    await mintDevToken(anvil.rpcUrl, { token: usdc, to: address, amount: balance });
    await mintDevToken(anvil.rpcUrl, { token: testDollar, to: address, amount: balance });
  }
  await mintDevToken(anvil.rpcUrl, { token: usdc, to: rich.address, amount: 5_000_000n });
  const client = createTestClient({ mode: 'anvil', transport: http(anvil.rpcUrl) });
  await client.setCode({ address: burner, bytecode: '0xfe' });
  await client.setCode({ address: sink, bytecode: '0x00' });
  // Calldata of more than 100 bytes is a transfer: INVALID; else 32 bytes of zero are returned.
  await client.setCode({ address: transferBurner, bytecode: '0x6064361160095760206000f35bfe' });
});

afterAll(async () => {
  await anvil.stop();
});

type Kind = { readonly payer: number; readonly to: number; readonly flaw: string };

const kinds = fc.record({
  payer: fc.nat({ max: payers.length - 1 }),
  to: fc.nat({ max: payers.length }),
  flaw: fc.constantFrom('none', 'none', 'none', 'dollar', 'expired', 'signature', 'domain', 'sink', 'dear'),
});

async function paymentOf({ payer, to, flaw }: Kind): Promise<Eip3009Payment> {
  const payTo = payers[to]?.address ?? seller;
  const changes: Record<string, Partial<Eip3009Payment>> = {
    dollar: { asset: testDollar, domain: { name: 'Quittance Test Dollar', version: '1' } },
    expired: { validBefore: 1n },
    domain: { domain: { name: 'USD Coin', version: '2' } },
    sink: { asset: sink },
    transferBurner: { asset: transferBurner },
    burner: { asset: burner },
    dear: { value: atomicAmount(20_000n) },
  };
  const payment = await payBy(payers[payer] ?? rich, { payTo, ...changes[flaw] });
  return flaw === 'signature' ? { ...payment, signature: `0x${'11'.repeat(65)}` } : payment;
}

async function read(payment: Eip3009Payment): Promise<unknown> {
  return chain.paymentFacts(payment).catch((fault: { readonly code: string }) => fault.code);
}

/** What comes out when all are asked at once, and one after another. */
async function bothWays(wanted: readonly Kind[]) {
  const payments = await Promise.all(wanted.map(paymentOf));
  const together = await Promise.all(payments.map(read));
  const alone: unknown[] = [];
  for (const payment of payments) alone.push(await read(payment));
  return { together, alone };
}

describe('Facts read together', () => {
  it('are those of each payment read by itself', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(kinds, { minLength: 2, maxLength: 30 }), async (wanted) => {
        const { together, alone } = await bothWays(wanted);
        expect(together).toEqual(alone);
      }),
      { numRuns: 12, endOnFailure: true },
    );
  }, 120_000);

  it.each(['transferBurner', 'burner'])(
    'are those of each payment read by itself beside one of a token that uses up all gas: %s',
    async (flaw) => {
      const good = payers.slice(1).map((_, index): Kind => ({ payer: index + 1, to: 99, flaw: 'none' }));
      const { together, alone } = await bothWays([{ payer: 0, to: 99, flaw }, ...good]);
      expect(together).toEqual(alone);
      expect(together.slice(1)).toEqual(
        good.map(() => expect.objectContaining({ balance, simulation: { ok: true } })),
      );
    },
  );

  it('are those of 300 payments of one payer', async () => {
    const payments = await Promise.all(Array.from({ length: 300 }, () => payBy(rich)));
    const facts = await Promise.all(payments.map((payment) => chain.paymentFacts(payment)));
    expect(facts).toHaveLength(300);
    for (const one of facts) expect(one).toMatchObject({ balance: 5_000_000n, simulation: { ok: true } });
  });
});

describe('Reading many facts', () => {
  let proxy: FakeNode;
  let proxied: EvmChain;

  beforeAll(async () => {
    proxy = await startFakeNode((questions, response) => {
      void forward(questions).then((body) => answer(response, body));
    });
    proxied = EvmChain.connect(networkAt(proxy.url));
    await proxied.paymentFacts(await payBy(rich));
  });

  afterAll(async () => {
    await proxy.stop();
  });

  it.each([
    ['different payers', () => payers],
    ['one payer', () => [rich, rich, rich, rich]],
    ['payers who pay each other', () => payers.slice(0, 3)],
  ])('takes one call for %s, with the payers’ code', async (_who, payersOf) => {
    const some = payersOf();
    const payments = await Promise.all(
      some.map((payer, index) => payBy(payer, { payTo: some[(index + 1) % some.length]?.address ?? seller })),
    );
    const before = proxy.requests.length;
    await Promise.all(payments.map((payment) => proxied.paymentFacts(payment)));
    const methods = proxy.requests.slice(before).map((questions) => questions.map(({ method }) => method));
    expect(methods).toEqual([['eth_call']]);
  });

  it('gathers what is asked for while a reading is under way', async () => {
    const before = proxy.requests.length;
    const first = proxied.paymentFacts(await payBy(payers[1] ?? rich));
    const later: Promise<unknown>[] = [];
    while (proxy.requests.length === before) await new Promise((resolve) => setImmediate(resolve));
    const payments = await Promise.all([2, 3, 4].map((index) => payBy(payers[index] ?? rich)));
    for (const payment of payments) later.push(proxied.paymentFacts(payment));
    await Promise.all([first, ...later]);
    expect(proxy.requests.length - before).toBeLessThanOrEqual(3);
  });
});

describe('A reading that stalls', () => {
  it('does not hold up what is asked for after it', async () => {
    let requests = 0;
    const node = await startFakeNode((questions, response) => {
      requests += 1;
      if (requests > 1) void forward(questions).then((body) => answer(response, body));
    });
    try {
      const stalling = EvmChain.connect(networkAt(node.url), { requestTimeoutMs: 8_000 });
      let isOver = false;
      const first = stalling.paymentFacts(await payBy(rich)).finally(() => (isOver = true));
      const fault = first.catch((error: unknown) => error);
      while (requests === 0) await new Promise((resolve) => setImmediate(resolve));
      expect(await stalling.paymentFacts(await payBy(rich))).toMatchObject({ simulation: { ok: true } });
      expect(isOver).toBe(false);
      expect(await fault).toMatchObject({ code: 'chain_unavailable' });
    } finally {
      await node.stop();
    }
  });
});

async function forward(questions: readonly Question[]): Promise<unknown> {
  const response = await fetch(anvil.rpcUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(questions.length === 1 ? questions[0] : questions),
  });
  return response.json();
}
