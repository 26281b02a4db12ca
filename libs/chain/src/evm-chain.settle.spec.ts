import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Anvil, mintDevToken, startAnvil } from '@quittance/embedded';
import { encodeTransferWithAuthorization, type Eip3009Payment, settlementCallOf } from '@quittance/exact-evm';
import { evmChainId } from '@quittance/money';
import type { Hex } from 'viem';
import { generatePrivateKey } from 'viem/accounts';

import { chainNumber, farFuture, networkAt, newPayer, payBy, seller, usdc } from '../test/payments.js';
import { ChainMismatchError } from './chain-error.js';
import { EvmChain } from './evm-chain.js';
import { Relayer } from './relayer.js';

const payer = newPayer();
let anvil: Anvil;
let chain: EvmChain;

beforeAll(async () => {
  // Blocks only when a test says so.
  anvil = await startAnvil({ blockTimeS: 3_600 });
  chain = EvmChain.connect(networkAt(anvil.rpcUrl));
  await mintDevToken(anvil.rpcUrl, { token: usdc, to: payer.address, amount: 5_000_000n });
});

afterAll(async () => {
  await anvil.stop();
});

const relayerOf = (index: number) => Relayer.fromKey(anvil.accounts[index]?.privateKey ?? '0x');

async function signedBy(
  relayer: Relayer,
  payment: Eip3009Payment,
  changes: { nonce?: bigint; gas?: bigint } = {},
) {
  const { type, ...fees } = await chain.fees();
  return relayer.sign({
    type,
    fees,
    value: 0n,
    chainNumber,
    nonce: await chain.transactionCount(relayer.address, 'latest'),
    to: payment.asset,
    data: encodeTransferWithAuthorization(payment),
    gas: 150_000n,
    ...changes,
  });
}

describe('Settling on a chain', () => {
  it('moves the money, by the estimated gas, and leaves a receipt and a log', async () => {
    const relayer = relayerOf(1);
    const payment = await payBy(payer);
    const estimate = await chain.estimateCall(settlementCallOf(payment), relayer.address);
    if (!estimate.ok) throw new TypeError(estimate.revert);
    const { raw, hash } = await signedBy(relayer, payment, { gas: estimate.gas });
    const spentBefore = await chain.balance(relayer.address);
    const countBefore = await chain.transactionCount(relayer.address, 'latest');

    expect(await chain.broadcast(raw)).toEqual({ outcome: 'accepted' });
    expect(await chain.receipt(hash)).toBeNull();
    expect(await chain.broadcast(raw)).toEqual({ outcome: 'known' });
    await anvil.mine();

    const receipt = await chain.receipt(hash);
    const block = await chain.latestBlock();
    expect(receipt).toMatchObject({
      transaction: hash,
      status: 'success',
      blockNumber: block.number,
      blockHash: block.hash,
      from: relayer.address,
    });
    expect(receipt?.fee).toBe((receipt?.gasUsed ?? 0n) * (receipt?.gasPrice ?? 0n));
    expect(spentBefore - (await chain.balance(relayer.address))).toBe(receipt?.fee);
    const asked = [payment, { ...payment, nonce: `0x${'00'.repeat(32)}` as const }];
    expect(await chain.spentOf(asked, 'latest')).toEqual([true, false]);
    expect(await chain.spentOf(asked, block.number)).toEqual([true, false]);
    expect(await chain.spentOf(asked, block.number - 1n)).toEqual([false, false]);
    expect(await chain.transactionCount(relayer.address, 'latest')).toBe(countBefore + 1n);
    expect(await chain.transactionCount(relayer.address, block.number - 1n)).toBe(countBefore);
    expect(await chain.broadcast(raw)).toEqual({ outcome: 'nonce_spent' });
    expect(await logsOf(payment, block.number)).toEqual([
      {
        asset: usdc,
        authorizer: payer.address,
        nonce: payment.nonce,
        transaction: hash,
        blockNumber: block.number,
        blockHash: block.hash,
        logIndex: 0,
      },
    ]);
  });

  it('is estimated on the latest block, whatever waits in the pool', async () => {
    const payment = await payBy(payer);
    const before = await chain.estimateCall(settlementCallOf(payment), seller);
    expect(before.ok).toBe(true);
    const { raw } = await signedBy(relayerOf(7), payment);
    expect(await chain.broadcast(raw)).toEqual({ outcome: 'accepted' });
    // On the pending block its authorization is used.
    expect(await chain.estimateCall(settlementCallOf(payment), seller)).toEqual(before);
  });

  it('finds authorizations by range, payer and nonce', async () => {
    const relayer = relayerOf(2);
    const other = newPayer();
    await mintDevToken(anvil.rpcUrl, { token: usdc, to: other.address, amount: 20_000n });
    const payments = [await payBy(payer), await payBy(other), await payBy(payer)];
    const first = await chain.transactionCount(relayer.address, 'latest');
    for (const [index, payment] of payments.entries()) {
      const { raw } = await signedBy(relayer, payment, { nonce: first + BigInt(index) });
      expect(await chain.broadcast(raw)).toEqual({ outcome: 'accepted' });
    }
    await anvil.mine();
    const { number } = await chain.latestBlock();
    const range = { fromBlock: number, toBlock: number };
    const noncesOf = async (filter: { authorizer?: Hex; nonce?: Hex }) =>
      (await chain.authorizationUsed({ ...range, ...filter })).map(({ nonce }) => nonce);
    const [mine, theirs, mineToo] = payments.map(({ nonce }) => nonce);
    expect(await noncesOf({})).toEqual([mine, theirs, mineToo]);
    expect(await noncesOf({ authorizer: other.address })).toEqual([theirs]);
    expect(await noncesOf({ authorizer: payer.address })).toEqual([mine, mineToo]);
    expect(await noncesOf({ nonce: mineToo ?? '0x' })).toEqual([mineToo]);
    expect(
      await chain.authorizationUsed({ fromBlock: 0n, toBlock: number - 1n, nonce: mine ?? '0x' }),
    ).toEqual([]);
  });

  it('tells why a transfer would fail instead of estimating it', async () => {
    const estimate = await chain.estimateCall(settlementCallOf(await payBy(newPayer())), seller);
    expect(estimate).toEqual({ ok: false, revert: 'ERC20: transfer amount exceeds balance' });
  });

  it('tells why a mined transaction failed', async () => {
    const payment = await payBy(newPayer());
    const { raw, hash } = await signedBy(relayerOf(3), payment);
    await chain.broadcast(raw);
    await anvil.mine();
    expect(await chain.receipt(hash)).toMatchObject({ status: 'reverted' });
    expect(await chain.revertReason(hash)).toBe('ERC20: transfer amount exceeds balance');
  });

  it('tells why it failed though it would have succeeded one block before', async () => {
    const payment = await payBy(payer);
    const both = await Promise.all([signedBy(relayerOf(4), payment), signedBy(relayerOf(5), payment)]);
    for (const { raw } of both) expect(await chain.broadcast(raw)).toEqual({ outcome: 'accepted' });
    await anvil.mine();
    const receipts = await Promise.all(both.map(({ hash }) => chain.receipt(hash)));
    const failed = receipts.filter((receipt) => receipt?.status === 'reverted');
    expect(failed).toHaveLength(1);
    expect(await chain.revertReason(failed[0]?.transaction ?? '0x')).toBe(
      'FiatTokenV2: authorization is used or canceled',
    );
    expect(await chain.paymentFacts(payment)).toMatchObject({
      authorizationUsed: true,
      simulation: { ok: false, revert: 'FiatTokenV2: authorization is used or canceled' },
    });
  });

  it('has no reason for a transaction that it does not know', async () => {
    expect(await chain.revertReason(generatePrivateKey())).toBe('');
  });

  it('says what a node refuses a transaction for', async () => {
    const payment = await payBy(payer);
    const poor = await signedBy(Relayer.fromKey(generatePrivateKey()), payment);
    expect(await chain.broadcast(poor.raw)).toMatchObject({
      outcome: 'refused',
      detail: expect.stringMatching(/insufficient funds/i),
    });

    const relayer = relayerOf(6);
    const { raw } = await signedBy(relayer, payment);
    expect(await chain.broadcast(raw)).toEqual({ outcome: 'accepted' });
    const cheap = await signedBy(relayer, await payBy(payer));
    expect(await chain.broadcast(cheap.raw)).toMatchObject({
      outcome: 'refused',
      detail: expect.stringMatching(/underpriced/i),
    });
    await anvil.mine();
  });
});

describe('Reading a chain', () => {
  it('gives its blocks, and null for one that is not there yet', async () => {
    const latest = await chain.latestBlock();
    expect(await chain.block(latest.number)).toEqual(latest);
    expect(latest.time).toBeLessThan(farFuture);
    expect(latest.baseFeePerGas).toBeGreaterThan(0n);
    expect(await chain.block(latest.number + 1n)).toBeNull();
  });

  it('knows the node for the configured chain', async () => {
    await chain.checkIdentity();
    await chain.ping();
    const mainnet = EvmChain.connect({ ...networkAt(anvil.rpcUrl), chainId: evmChainId(8_453) });
    const fault = await mainnet.checkIdentity().catch((error: unknown) => error);
    expect(fault).toBeInstanceOf(ChainMismatchError);
    expect((fault as Error).message).toMatch(/eip155:8453.*eip155:84532/);
  });
});

async function logsOf({ nonce }: Eip3009Payment, block: bigint) {
  return chain.authorizationUsed({ fromBlock: block, toBlock: block, authorizer: payer.address, nonce });
}
