import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  type Anvil,
  devPermit2Abi,
  devWalletFactoryAbi,
  devWalletOf,
  devWallets,
  mintDevToken,
  signForDevWallet,
  startAnvil,
  wrapCounterfactual,
} from '@quittance/embedded';
import {
  authorizationDigest,
  type EvmPayment,
  exactPermit2ProxyAddress,
  judgeEvmPayment,
  permit2Address,
  uptoPermit2ProxyAddress,
} from '@quittance/exact-evm';
import { atomicAmount } from '@quittance/money';
import {
  type Address,
  concat,
  createTestClient,
  erc20Abi,
  type Hex,
  http,
  publicActions,
  stringToHex,
  toHex,
  walletActions,
} from 'viem';

import { answer, type FakeNode, type Question, startFakeNode } from '../test/fake-node.js';
import {
  chainNumber,
  networkAt,
  newPayer,
  payBy,
  type Payer,
  permitBy,
  testDollar,
  usdc,
} from '../test/payments.js';
import { EvmChain } from './evm-chain.js';

const factories: Address[] = [devWallets.factory];
const relayer: Address = '0x00000000000000000000000000000000000000f1';
/** Uses up all the gas that it is given. */
const burner = '0xfe';
/** A wallet that uses up about so much gas and then takes any signature. */
const takingGas = (gas: number): Hex =>
  `0x62${Math.floor(gas / 26)
    .toString(16)
    .padStart(6, '0')}5b600190038060045763${'1626ba7e'}60e01b60005260206000f3`;
let anvil: Anvil;
let proxy: FakeNode;
let chain: EvmChain;
let client: ReturnType<typeof clientOf>;

beforeAll(async () => {
  anvil = await startAnvil();
  proxy = await startFakeNode((questions, response) => {
    void forward(questions).then((body) => answer(response, body));
  });
  chain = EvmChain.connect({ ...networkAt(proxy.url), factories });
  client = clientOf(anvil.rpcUrl);
});

afterAll(async () => {
  await proxy.stop();
  await anvil.stop();
});

const clientOf = (url: string) =>
  createTestClient({ mode: 'anvil', transport: http(url) })
    .extend(publicActions)
    .extend(walletActions);

/** How many more calls of a block with a number are answered as by a node that has not got it. */
let behind = 0;

async function forward(questions: readonly Question[]): Promise<unknown> {
  const [{ id, method, params } = { id: 0, method: '', params: [] }] = questions;
  if (behind > 0 && method === 'eth_call' && String(params[1]).startsWith('0x')) {
    behind -= 1;
    return { jsonrpc: '2.0', id, error: { code: -32_000, message: 'header not found' } };
  }
  const response = await fetch(anvil.rpcUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(questions.length === 1 ? questions[0] : questions),
  });
  return response.json();
}

async function funded(address: Address): Promise<void> {
  await mintDevToken(anvil.rpcUrl, { token: usdc, to: address, amount: 50_000n });
}

async function asOwner(owner: Address, work: () => Promise<Hex>): Promise<void> {
  await client.impersonateAccount({ address: owner });
  await client.setBalance({ address: owner, value: 10n ** 18n });
  await client.waitForTransactionReceipt({ hash: await work(), pollingInterval: 20 });
  await client.stopImpersonatingAccount({ address: owner });
}

async function approve(owner: Address, amount = 2n ** 256n - 1n): Promise<void> {
  await asOwner(owner, () =>
    client.writeContract({
      address: usdc,
      abi: erc20Abi,
      functionName: 'approve',
      args: [permit2Address, amount],
      account: owner,
      chain: null,
    }),
  );
}

async function fundedPayer({ approves = true } = {}): Promise<Payer> {
  const payer = newPayer();
  await funded(payer.address);
  if (approves) await approve(payer.address);
  return payer;
}

async function judged(payment: EvmPayment, purpose: 'verify' | 'settle' = 'verify') {
  const facts = await chain.paymentFacts(payment);
  const verdict = judgeEvmPayment({
    payment,
    facts,
    nowSeconds: facts.blockTime,
    purpose,
    factories,
    relayers: [relayer],
  });
  return { facts, verdict };
}

const reasonOf = async (payment: EvmPayment) => (await judged(payment)).verdict;

describe('A payment by Permit2', () => {
  it('is good, of a payer who has the money and approved Permit2', async () => {
    const { facts, verdict } = await judged(await permitBy(await fundedPayer()));
    expect(facts).toMatchObject({
      balance: 50_000n,
      allowance: 2n ** 256n - 1n,
      authorizationUsed: false,
      proxyHasCode: true,
      simulation: { ok: true },
      tokenName: null,
    });
    expect(verdict).toEqual({ ok: true });
  });

  it('needs the approval', async () => {
    const { facts, verdict } = await judged(await permitBy(await fundedPayer({ approves: false })));
    expect(facts).toMatchObject({ allowance: 0n, simulation: { ok: false } });
    expect(verdict).toMatchObject({ reason: 'permit2_allowance_required' });
  });

  it('needs a nonce that is not spent, which is told by its bit', async () => {
    const payer = await fundedPayer();
    const spent = await permitBy(payer);
    const nonce = BigInt(spent.nonce);
    await asOwner(payer.address, () =>
      client.writeContract({
        address: permit2Address,
        abi: devPermit2Abi,
        functionName: 'invalidateUnorderedNonces',
        args: [nonce >> 8n, 1n << (nonce & 255n)],
        account: payer.address,
        chain: null,
      }),
    );
    expect(await reasonOf(spent)).toMatchObject({ reason: 'permit2_invalid_nonce' });
    const neighbour = `0x${(nonce ^ 1n).toString(16).padStart(64, '0')}` as const;
    const good = await permitBy(payer, { nonce: neighbour });
    expect(await reasonOf(good)).toEqual({ ok: true });
    const transfer = await payBy(payer);
    const { number } = await chain.latestBlock();
    expect(await chain.spentOf([spent, good, transfer], number)).toEqual([true, false, false]);
    expect(await chain.spentOf([spent], number - 5n)).toEqual([false]);
  });

  it('is told from one by EIP-3009 with the same nonce, and two of one payer do not see each other', async () => {
    const payer = await fundedPayer();
    const first = await permitBy(payer, {
      value: atomicAmount(50_000n),
      requirements: { payTo: relayer, amount: atomicAmount(50_000n) },
      payTo: relayer,
    });
    const second = await permitBy(payer, { nonce: first.nonce });
    const third = await payBy(payer, { nonce: first.nonce });
    const facts = await Promise.all([first, second, third].map((payment) => chain.paymentFacts(payment)));
    expect(facts.map(({ simulation, balance }) => [simulation.ok, balance])).toEqual(
      [1, 2, 3].map(() => [true, 50_000n]),
    );
  });

  it('cannot be where the proxy is not', async () => {
    const payment = await permitBy(await fundedPayer());
    const code = (await client.getCode({ address: exactPermit2ProxyAddress })) ?? '0x';
    await client.setCode({ address: exactPermit2ProxyAddress, bytecode: '0x' });
    try {
      const fresh = EvmChain.connect(networkAt(anvil.rpcUrl));
      expect(await fresh.paymentFacts(payment)).toMatchObject({ proxyHasCode: false });
    } finally {
      await client.setCode({ address: exactPermit2ProxyAddress, bytecode: code });
    }
  });
});

describe('A payment by upto', () => {
  it('is tried as sent by the facilitator that it names, on the block of the other facts', async () => {
    const payment = await permitBy(await fundedPayer(), { facilitator: relayer });
    const before = proxy.requests.length;
    const { facts, verdict } = await judged(payment);
    expect(verdict).toEqual({ ok: true });
    const calls = proxy.requests.slice(before).flat();
    const trial = calls.find(({ params }) => (params[0] as { to?: string }).to === uptoPermit2ProxyAddress);
    expect(trial?.params).toEqual([
      expect.objectContaining({ from: relayer }),
      `0x${facts.blockNumber.toString(16)}`,
    ]);
  });

  it('shows why it would fail', async () => {
    const payer = await fundedPayer({ approves: false });
    const { facts, verdict } = await judged(await permitBy(payer, { facilitator: relayer }));
    expect(facts.simulation).toEqual({ ok: false, revert: expect.stringMatching(/TRANSFER_FROM_FAILED/) });
    expect(verdict).toMatchObject({ reason: 'permit2_allowance_required' });
  });

  it('is tried again where the node has not got the block yet that it just named', async () => {
    const payment = await permitBy(await fundedPayer(), { facilitator: relayer });
    behind = 2;
    expect((await judged(payment)).verdict).toEqual({ ok: true });
    expect(behind).toBe(0);
    behind = 100;
    await expect(chain.paymentFacts(payment)).rejects.toMatchObject({ code: 'chain_unavailable' });
    behind = 0;
  });

  it('may use no more gas than its settlement may', async () => {
    const payer = await fundedPayer();
    await client.setCode({ address: payer.address, bytecode: takingGas(3_000_000) });
    expect(await reasonOf(await permitBy(payer, { facilitator: relayer }))).toMatchObject({ ok: false });
  });

  it('of nothing needs no trial', async () => {
    const payer = newPayer();
    const signed = await permitBy(payer, { facilitator: relayer });
    const nothing = { ...signed, requirements: { ...signed.requirements, amount: atomicAmount(0n) } };
    expect((await judged(nothing, 'settle')).verdict).toEqual({ ok: true });
    expect((await judged(signed, 'settle')).verdict).toMatchObject({
      reason: 'permit2_insufficient_balance',
    });
  });
});

describe('A token that was renamed', () => {
  it('is asked for its name again when a payment fails that may be why', async () => {
    const fresh = EvmChain.connect(networkAt(anvil.rpcUrl));
    const payer = await fundedPayer({ approves: false });
    await expect(fresh.paymentFacts(await payBy(payer))).resolves.toMatchObject({ tokenName: 'USDC' });
    const nameOf = async () => (await fresh.paymentFacts(await payBy(payer))).tokenName;
    const slot = await client.getStorageAt({ address: usdc, slot: toHex(0) });
    // A short text: its bytes, and twice their number at the end.
    await client.setStorageAt({
      address: usdc,
      index: 0,
      value: concat([stringToHex('USDX', { size: 31 }), '0x08']),
    });
    const now = Date.now();
    const clock = jest.spyOn(Date, 'now');
    try {
      await expect(nameOf()).resolves.toBe('USDC');
      clock.mockReturnValue(now + 61_000);
      await expect(nameOf()).resolves.toBe('USDX');
    } finally {
      clock.mockRestore();
      await client.setStorageAt({ address: usdc, index: 0, value: slot ?? '0x' });
    }
  });
});

describe('The wallet of a payer', () => {
  const owner = newPayer();
  let salt = 0n;

  async function walletPayment({ deployed = true, signer = owner } = {}) {
    salt += 1n;
    const wallet = devWalletOf(owner.address, salt);
    const address = wallet.address.toLowerCase() as Address;
    await funded(address);
    if (deployed) {
      await asOwner(owner.address, () =>
        client.writeContract({
          address: devWallets.factory,
          abi: devWalletFactoryAbi,
          functionName: 'createWallet',
          args: [owner.address, salt],
          account: owner.address,
          chain: null,
        }),
      );
    }
    const unsigned = await payBy(owner, { payer: address });
    const digest = authorizationDigest(unsigned);
    const signature = await signForDevWallet({
      owner: signer.account,
      wallet: address,
      chainId: chainNumber,
      digest,
    });
    return { ...unsigned, signature: deployed ? signature : wrapCounterfactual(wallet, signature) };
  }

  it('judges the signature, where it is deployed', async () => {
    const { facts, verdict } = await judged(await walletPayment());
    expect(facts).toMatchObject({ payerHasCode: true, signatureAccepted: true, simulation: { ok: true } });
    expect(verdict).toEqual({ ok: true });
    const other = await judged(await walletPayment({ signer: newPayer() }));
    expect(other.facts).toMatchObject({ payerHasCode: true, signatureAccepted: false });
    expect(other.verdict).toMatchObject({ reason: 'invalid_exact_evm_payload_signature' });
  });

  it('is asked at once when it was seen before', async () => {
    const payment = await walletPayment();
    await chain.paymentFacts(payment);
    const before = proxy.requests.length;
    await expect(chain.paymentFacts(payment)).resolves.toMatchObject({ signatureAccepted: true });
    expect(proxy.requests.length - before).toBe(1);
  });

  it('is deployed for the trial, where its factory may be called, and not where it may not', async () => {
    const payment = await walletPayment({ deployed: false });
    const { facts, verdict } = await judged(payment);
    expect(facts).toMatchObject({ payerHasCode: false, signatureAccepted: null, simulation: { ok: true } });
    expect(verdict).toEqual({ ok: true });
    expect(await client.getCode({ address: payment.payer })).toBeUndefined();
    const strict = EvmChain.connect(networkAt(anvil.rpcUrl));
    expect(await strict.paymentFacts(payment)).toMatchObject({ simulation: { ok: false } });
    const forged = await walletPayment({ deployed: false, signer: newPayer() });
    expect(await reasonOf(forged)).toMatchObject({
      reason: 'invalid_exact_evm_transaction_simulation_failed',
      message: expect.stringContaining('FiatTokenV2: invalid signature'),
    });
  });

  it('may use no more gas than its settlement may, read alone or with others', async () => {
    const [dear, cheap] = [await fundedPayer(), await fundedPayer()] as const;
    await client.setCode({ address: dear.address, bytecode: takingGas(1_300_000) });
    await client.setCode({ address: cheap.address, bytecode: takingGas(100_000) });
    const verdicts = async (payment: EvmPayment) =>
      Promise.all([payment, payment, await payBy(cheap)].map(async (one) => (await judged(one)).verdict.ok));
    for (const by of [payBy, permitBy]) {
      // Asked twice, once by the wallet for the facts and once by the token: each may take as much as one settlement.
      expect((await judged(await by(dear))).verdict).toEqual({ ok: true });
      expect(await verdicts(await by(dear))).toEqual([true, true, true]);
    }
    await client.setCode({ address: dear.address, bytecode: takingGas(3_000_000) });
    for (const by of [payBy, permitBy]) {
      expect((await judged(await by(dear))).verdict).toMatchObject({ ok: false });
      expect(await verdicts(await by(dear))).toEqual([false, false, true]);
    }
  });

  it('is told apart from its payment, where one of them fails', async () => {
    const payment = await walletPayment({ deployed: false });
    const wallet = devWalletOf(owner.address, salt);
    const broken = wrapCounterfactual({ ...wallet, factoryData: '0xdeadbeef' }, payment.signature);
    expect(await reasonOf({ ...payment, signature: broken })).toMatchObject({
      reason: 'smart_wallet_deployment_failed',
    });
    const { signature: bare } = await payBy(newPayer());
    const permit = await permitBy(owner, { payer: payment.payer });
    const forged = { ...permit, signature: wrapCounterfactual(wallet, bare) };
    expect(await reasonOf(forged)).toMatchObject({
      reason: 'invalid_permit2_signature',
      message: expect.stringContaining('InvalidContractSignature'),
    });
    const elsewhere = { ...permit, token: testDollar, signature: forged.signature };
    expect((await judged(elsewhere)).facts.simulation).toEqual({ ok: false, revert: 'not tried' });
  });

  it('is its delegate where the account has one, and the key’s own signature is what the delegate makes of it', async () => {
    const payer = await fundedPayer({ approves: false });
    await client.setCode({ address: payer.address, bytecode: concat(['0xef0100', devWallets.delegate]) });
    const { facts, verdict } = await judged(await payBy(payer));
    expect(facts).toMatchObject({ payerHasCode: true, signatureAccepted: true });
    expect(verdict).toEqual({ ok: true });
    const stranger = { ...(await payBy(newPayer())), payer: payer.address };
    expect((await judged(stranger)).facts).toMatchObject({ signatureAccepted: false });
  });

  it('spoils nobody else’s facts, whatever it does', async () => {
    const payers = await Promise.all([1, 2, 3].map(() => fundedPayer({ approves: false })));
    const [hostile, ...others] = payers as [Payer, Payer, Payer];
    await client.setCode({ address: hostile.address, bytecode: burner });
    for (let round = 0; round < 2; round += 1) {
      const [bad, ...good] = await Promise.all(
        [hostile, ...others].map(async (payer) => chain.paymentFacts(await payBy(payer))),
      );
      expect(bad).toMatchObject({ payerHasCode: true, signatureAccepted: null, simulation: { ok: false } });
      expect(good.map(({ simulation }) => simulation)).toEqual([{ ok: true }, { ok: true }]);
    }
  });
});
