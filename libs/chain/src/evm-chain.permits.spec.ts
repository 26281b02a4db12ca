import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type Anvil,
  devPermit2,
  devPermit2Abi,
  devTokenAbi,
  devWalletOf,
  devWallets,
  mintDevToken,
  startAnvil,
  wrapCounterfactual,
} from '@quittance/embedded';
import { permit2Address, settlementCallOf } from '@quittance/exact-evm';
import {
  createTestClient,
  encodeFunctionData,
  type Hex,
  http,
  maxUint256,
  publicActions,
  walletActions,
} from 'viem';

import { networkAt, newPayer, payBy, type Payer, permitBy, seller, usdc } from '../test/payments.js';
import { EvmChain } from './evm-chain.js';
import { multicall3Address } from './multicall.js';
import { proxyTransfersAmong } from './permit2-logs.js';
import { stepsOf, transactionCallOf } from './settlement-call.js';

const payer = newPayer();
let anvil: Anvil;
let chain: EvmChain;

beforeAll(async () => {
  anvil = await startAnvil();
  chain = EvmChain.connect(networkAt(anvil.rpcUrl));
  await mintDevToken(anvil.rpcUrl, { token: usdc, to: payer.address, amount: 5_000_000n });
  await send(payer.address, { to: usdc, data: approve(maxUint256) });
});
afterAll(async () => {
  chain?.close();
  await anvil?.stop();
});

const approve = (value: bigint): Hex =>
  encodeFunctionData({ abi: devTokenAbi, functionName: 'approve', args: [permit2Address, value] });

/** Anvil sends for any account. */
async function send(from: Hex, call: { readonly to: Hex; readonly data: Hex }): Promise<Hex> {
  const client = createTestClient({ mode: 'anvil', transport: http(anvil.rpcUrl), pollingInterval: 20 })
    .extend(publicActions)
    .extend(walletActions);
  await client.setBalance({ address: from, value: 10n ** 18n });
  await client.impersonateAccount({ address: from });
  const hash = await client.sendTransaction({ account: from, chain: null, ...call });
  await client.waitForTransactionReceipt({ hash });
  return hash;
}

const settle = async (payment: Parameters<typeof settlementCallOf>[0]) =>
  send(seller, settlementCallOf(payment));

const invalidate = async (owner: Payer, nonce: Hex): Promise<Hex> =>
  send(owner.address, {
    to: devPermit2.permit2,
    data: encodeFunctionData({
      abi: devPermit2Abi,
      functionName: 'invalidateUnorderedNonces',
      args: [BigInt(nonce) >> 8n, 1n << (BigInt(nonce) & 255n)],
    }),
  });

describe('A receipt', () => {
  it('has the transfers of a transaction in which a proxy settled, and none of others', async () => {
    const permit = await permitBy(payer);
    const hash = await settle(permit);
    const receipt = await chain.receipt(hash);
    expect(receipt?.proxyTransfers).toEqual([
      {
        asset: usdc,
        from: payer.address,
        to: seller,
        value: permit.value,
        transaction: hash,
        blockNumber: receipt?.blockNumber,
        blockHash: receipt?.blockHash,
        logIndex: expect.any(Number),
      },
    ]);
    expect(receipt?.authorizationsUsed).toEqual([]);
    expect((await chain.receipt(await settle(await payBy(payer))))?.proxyTransfers).toEqual([]);
    expect(await chain.calldataOf(hash)).toBe(settlementCallOf(permit).data);
    expect(await chain.calldataOf(`0x${'00'.repeat(32)}`)).toBeNull();
  });

  it('is none where a transfer in it is malformed', () => {
    const settled = {
      address: devPermit2.exactProxy,
      topics: [`0x97088ec3606cfe8cc112180570d03fcde05f9b8e1bfef8e27784eaf5dd5691b6`],
    };
    const transfer = {
      address: usdc,
      topics: [
        '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef',
        `0x${payer.address.slice(2).padStart(64, '0')}`,
        `0x${seller.slice(2).padStart(64, '0')}`,
      ],
      data: `0x${'1'.padStart(64, '0')}`,
      transactionHash: `0x${'aa'.repeat(32)}`,
      blockNumber: '0x1',
      blockHash: `0x${'bb'.repeat(32)}`,
      logIndex: '0x0',
    };
    expect(proxyTransfersAmong([transfer, settled])).toMatchObject([{ value: 1n, to: seller }]);
    expect(proxyTransfersAmong([transfer])).toEqual([]);
    for (const broken of [{ data: '0x' }, { logIndex: 7 }, { topics: [transfer.topics[0], '0x1', '0x2'] }])
      expect(proxyTransfersAmong([{ ...transfer, ...broken }, settled])).toBeUndefined();
    expect(proxyTransfersAmong({})).toBeUndefined();
  });
});

describe('What ended a permit', () => {
  it('is told by transfers as it makes them, and by its payer’s word on its very nonce', async () => {
    const from = (await chain.latestBlock()).number + 1n;
    const used = await permitBy(payer, { payTo: `0x${'e1'.repeat(20)}` });
    const spent = await permitBy(payer);
    const hash = await settle(used);
    const said = await invalidate(payer, spent.nonce);
    const range = { fromBlock: from, toBlock: (await chain.latestBlock()).number };
    const ends = (payment: typeof used, amount: bigint) => chain.permitEnds({ ...payment, ...range, amount });
    expect(await ends(used, used.value)).toMatchObject({
      transfers: [{ transaction: hash, value: used.value }],
      invalidations: [],
    });
    expect(await ends(used, used.value - 1n)).toMatchObject({ transfers: [] });
    expect(await ends(spent, spent.value)).toMatchObject({
      transfers: [],
      invalidations: [{ transaction: said }],
    });
    const neighbour: Hex = `0x${(BigInt(spent.nonce) ^ 1n).toString(16).padStart(64, '0')}`;
    expect(await ends({ ...spent, nonce: neighbour }, spent.value)).toMatchObject({ invalidations: [] });
    expect(await chain.spentOf([used, spent, await permitBy(payer)], 'latest')).toEqual([true, true, false]);
    expect(await chain.spentOf([used, spent], from - 1n)).toEqual([false, false]);
  });
});

describe('How an account stands', () => {
  it('is what it holds and lets Permit2 take, its wei and its nonce', async () => {
    const other = newPayer();
    expect(await chain.standing(usdc, other.address)).toEqual({
      balance: 0n,
      allowance: 0n,
      wei: 0n,
      nonce: 0n,
    });
    await mintDevToken(anvil.rpcUrl, { token: usdc, to: other.address, amount: 7n });
    await send(other.address, { to: usdc, data: approve(5n) });
    expect(await chain.standing(usdc, other.address)).toMatchObject({
      balance: 7n,
      allowance: 5n,
      nonce: 1n,
    });
    expect(await chain.standing(seller, other.address)).toMatchObject({ balance: null, allowance: null });
  });
});

describe('The transaction of one payment', () => {
  it('is the call itself, or the wallet’s deployment and the call, of which the deployment may fail', async () => {
    const owner = newPayer();
    const wallet = devWalletOf(owner.address);
    const plain = await payBy(owner);
    const wrapped = { ...plain, signature: wrapCounterfactual(wallet, plain.signature) };
    const factories = [devWallets.factory];
    expect(transactionCallOf(plain, factories)).toEqual(settlementCallOf(plain));
    expect(transactionCallOf(wrapped, [])).toEqual(settlementCallOf(wrapped));
    const together = transactionCallOf(wrapped, factories);
    expect(together.to).toBe(multicall3Address);
    const [deployment, call] = stepsOf(wrapped, factories);
    expect(deployment).toEqual({ to: wallet.factory, data: wallet.factoryData });
    expect(call).toEqual(settlementCallOf(wrapped));
    // The transfer fails, and with it all of it; Multicall3 does not say why.
    expect(await chain.estimateCall(together, seller)).toMatchObject({
      ok: false,
      revert: 'Multicall3: call failed',
    });
    expect(await chain.lastRevert(stepsOf(wrapped, factories), seller)).toMatch(/exceeds balance/);
    const deployOnly = stepsOf(wrapped, factories).slice(0, 1);
    expect(await chain.lastRevert(deployOnly, seller)).toBeNull();
  });

  it('by upto goes straight to its proxy, which has to see who calls', async () => {
    const owner = newPayer();
    const upto = await permitBy(owner, { facilitator: seller });
    const wrapped = { ...upto, signature: wrapCounterfactual(devWalletOf(owner.address), upto.signature) };
    expect(transactionCallOf(wrapped, [devWallets.factory])).toEqual(settlementCallOf(wrapped));
  });
});
