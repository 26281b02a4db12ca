import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Anvil, mintDevToken, startAnvil } from '@quittance/embedded';
import { type EvmFacts, type EvmPayment, judgeEvmPayment } from '@quittance/exact-evm';
import { createTestClient, http, parseAbi, walletActions } from 'viem';

import { answer, type FakeNode, type Question, startFakeNode } from '../test/fake-node.js';
import { networkAt, newPayer, payBy, testDollar, usdc } from '../test/payments.js';
import { EvmChain } from './evm-chain.js';

let anvil: Anvil;
let chain: EvmChain;
const payer = newPayer();
const pauper = newPayer();

const judge = (payment: EvmPayment, facts: EvmFacts, nowSeconds = facts.blockTime) =>
  judgeEvmPayment({ payment, facts, nowSeconds, purpose: 'verify', factories: [], relayers: [] });

beforeAll(async () => {
  anvil = await startAnvil();
  chain = EvmChain.connect(networkAt(anvil.rpcUrl));
  await mintDevToken(anvil.rpcUrl, { token: usdc, to: payer.address, amount: 5_000_000n });
});

afterAll(async () => {
  await anvil.stop();
});

describe('The facts of a payment', () => {
  it('are those of a good one, at the latest block', async () => {
    const block = await chain.latestBlock();
    expect(await chain.paymentFacts(await payBy(payer))).toEqual({
      blockNumber: block.number,
      blockTime: block.time,
      payerHasCode: false,
      assetHasCode: true,
      balance: 5_000_000n,
      authorizationUsed: false,
      signatureAccepted: null,
      tokenName: 'USDC',
      tokenVersion: '2',
      allowance: null,
      proxyHasCode: true,
      simulation: { ok: true },
    });
  });

  it('leave the chain as it was', async () => {
    const payment = await payBy(payer);
    await chain.paymentFacts(payment);
    expect(await chain.paymentFacts(payment)).toMatchObject({
      authorizationUsed: false,
      balance: 5_000_000n,
    });
  });

  it('are read per asset', async () => {
    const payment = await payBy(payer, {
      asset: testDollar,
      domain: { name: 'Quittance Test Dollar', version: '1' },
    });
    expect(await chain.paymentFacts(payment)).toMatchObject({
      balance: 0n,
      tokenName: 'Quittance Test Dollar',
      tokenVersion: '1',
    });
  });

  it('show a payer who has too little', async () => {
    expect(await chain.paymentFacts(await payBy(pauper))).toMatchObject({
      balance: 0n,
      simulation: { ok: false, revert: 'ERC20: transfer amount exceeds balance' },
    });
  });

  it('show a domain that is not the token’s', async () => {
    const payment = await payBy(payer, { domain: { name: 'USD Coin', version: '2' } });
    expect(await chain.paymentFacts(payment)).toMatchObject({
      tokenName: 'USDC',
      simulation: { ok: false, revert: 'FiatTokenV2: invalid signature' },
    });
  });

  it('show an authorization that is over', async () => {
    expect(await chain.paymentFacts(await payBy(payer, { validBefore: 1n }))).toMatchObject({
      simulation: { ok: false, revert: 'FiatTokenV2: authorization is expired' },
    });
  });

  it('show a payer who is a contract', async () => {
    const payment = { ...(await payBy(payer)), payer: testDollar };
    expect(await chain.paymentFacts(payment)).toMatchObject({ payerHasCode: true });
  });

  it('show an asset that is no contract', async () => {
    const payment = await payBy(payer, { asset: pauper.address });
    const facts = await chain.paymentFacts(payment);
    expect(facts).toMatchObject({ assetHasCode: false, authorizationUsed: null, tokenName: null });
    const verdict = judge(payment, facts);
    expect(verdict).toMatchObject({ ok: false, reason: 'asset_not_deployed_contract' });
  });

  it('show a contract that takes any call for no token', async () => {
    // Stops at once, with success and without an answer.
    await testClient().setCode({ address: '0x00000000000000000000000000000000000000c7', bytecode: '0x00' });
    const payment = await payBy(payer, { asset: '0x00000000000000000000000000000000000000c7' });
    const facts = await chain.paymentFacts(payment);
    expect(facts).toMatchObject({ simulation: { ok: true }, authorizationUsed: null });
    expect(judge(payment, facts)).toMatchObject({
      reason: 'invalid_exact_evm_eip3009_not_supported',
    });
  });

  it('are there for a signature that is none', async () => {
    for (const signature of ['0x', '0x1234', `0x${'00'.repeat(65)}`] as const) {
      const payment = { ...(await payBy(payer)), signature };
      const facts = await chain.paymentFacts(payment);
      expect(facts).toMatchObject({ simulation: { ok: false }, balance: 5_000_000n });
    }
  });

  it('lead to acceptance when the last block is older than validAfter, and the payment is good', async () => {
    const { time } = await chain.latestBlock();
    const payment = await payBy(payer, { validAfter: time + 10n });
    const facts = await chain.paymentFacts(payment);
    expect(facts.simulation).toEqual({ ok: false, revert: 'FiatTokenV2: authorization is not yet valid' });
    expect(judge(payment, facts, time + 20n)).toEqual({ ok: true });
  });

  it('show the word of a token about a blacklisted payer', async () => {
    const outcast = newPayer();
    await mintDevToken(anvil.rpcUrl, { token: usdc, to: outcast.address, amount: 5_000_000n });
    const client = testClient().extend(walletActions);
    const account = '0x00000000000000000000000000000000000000c8';
    await client.impersonateAccount({ address: account });
    await client.setBalance({ address: account, value: 10n ** 18n });
    await client.writeContract({
      address: usdc,
      abi: parseAbi(['function blacklist(address account)']),
      functionName: 'blacklist',
      args: [outcast.address],
      account,
      chain: null,
    });
    expect(await chain.paymentFacts(await payBy(outcast))).toMatchObject({
      simulation: { ok: false, revert: 'Blacklistable: account is blacklisted' },
    });
  });
});

describe('Reading facts', () => {
  let proxy: FakeNode;

  beforeAll(async () => {
    proxy = await startFakeNode((questions, response) => {
      void forward(questions).then((body) => answer(response, body));
    });
  });

  afterAll(async () => {
    await proxy.stop();
  });

  it('takes one call, and less of it for an asset seen before', async () => {
    const proxied = EvmChain.connect(networkAt(proxy.url));
    await proxied.paymentFacts(await payBy(payer));
    const payment = await payBy(payer);
    const second = await proxied.paymentFacts(payment);
    expect(second).toEqual(await chain.paymentFacts(payment));
    expect(proxy.requests.map((questions) => questions.map(({ method }) => method))).toEqual([
      ['eth_call'],
      ['eth_call'],
    ]);
    const [first, again] = proxy.requests.map(([call]) => JSON.stringify(call).length);
    expect(again).toBeLessThan(first ?? 0);
  });

  it('takes one HTTP request for payments read at the same time', async () => {
    const proxied = EvmChain.connect(networkAt(proxy.url));
    const payments = await Promise.all([payBy(payer), payBy(pauper), payBy(payer)]);
    const before = proxy.requests.length;
    const facts = await Promise.all(payments.map((payment) => proxied.paymentFacts(payment)));
    expect(facts.map(({ balance }) => balance)).toEqual([5_000_000n, 0n, 5_000_000n]);
    expect(proxy.requests.length - before).toBe(1);
  });
});

describe('A chain without Multicall3', () => {
  it('is a fault that says what is missing', async () => {
    const bare = await startAnvil();
    try {
      const client = createTestClient({ mode: 'anvil', transport: http(bare.rpcUrl) });
      await client.setCode({ address: '0xcA11bde05977b3631167028862bE2a173976CA11', bytecode: '0x' });
      const asked = EvmChain.connect(networkAt(bare.rpcUrl)).paymentFacts(await payBy(payer));
      await expect(asked).rejects.toThrow(/knows no Multicall3/);
    } finally {
      await bare.stop();
    }
  });
});

function testClient() {
  return createTestClient({ mode: 'anvil', transport: http(anvil.rpcUrl) });
}

async function forward(questions: readonly Question[]): Promise<unknown> {
  const body = JSON.stringify(questions.length === 1 ? questions[0] : questions);
  const response = await fetch(anvil.rpcUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  return response.json();
}
