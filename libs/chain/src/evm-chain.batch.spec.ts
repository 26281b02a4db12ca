import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Anvil, mintDevToken, startAnvil } from '@quittance/embedded';
import {
  authorizationUsedTopic,
  encodeTransferWithAuthorization,
  type Eip3009Payment,
} from '@quittance/exact-evm';
import { createTestClient, http } from 'viem';
import { generatePrivateKey } from 'viem/accounts';

import { chainNumber, networkAt, newPayer, payBy, seller, usdc } from '../test/payments.js';
import { authorizationCancelledTopic } from './authorization-used.js';
import { encodeBatch } from './batch.js';
import { bloomFits } from './bloom.js';
import { EvmChain } from './evm-chain.js';
import { multicall3Address } from './multicall.js';
import { Relayer } from './relayer.js';

const payer = newPayer();
const pauper = newPayer();
const usedUp = { ok: false, revert: 'FiatTokenV2: authorization is used or canceled' };
let anvil: Anvil;
let chain: EvmChain;
let relayer: Relayer;

beforeAll(async () => {
  anvil = await startAnvil({ blockTimeS: 3_600 });
  chain = EvmChain.connect(networkAt(anvil.rpcUrl));
  relayer = Relayer.fromKey(anvil.accounts[1]?.privateKey ?? '0x');
  await mintDevToken(anvil.rpcUrl, { token: usdc, to: payer.address, amount: 5_000_000n });
});

afterAll(async () => {
  await anvil.stop();
});

async function simulate(members: readonly Eip3009Payment[], gasLimit: bigint) {
  return chain.simulateBatch({ asset: usdc, members, from: relayer.address, gasLimit });
}

/** Sends a batch and puts it into a block. */
async function settle(members: readonly Eip3009Payment[], type: 'eip1559' | 'legacy' = 'eip1559') {
  const data = encodeBatch(
    members.map((member) => ({ to: usdc, data: encodeTransferWithAuthorization(member) })),
  );
  const { raw, hash } = relayer.sign({
    type,
    chainNumber,
    nonce: await chain.transactionCountMax(relayer.address),
    to: multicall3Address,
    data,
    gas: 1_000_000n,
    fees: await chain.fees(),
    value: 0n,
  });
  expect(await chain.broadcast(raw)).toEqual({ outcome: 'accepted' });
  await anvil.mine();
  return hash;
}

describe('A batch', () => {
  it.each(['eip1559', 'legacy'] as const)('goes as it was simulated, as %s', async (type) => {
    const spent = await payBy(payer);
    await settle([spent]);
    const members = [await payBy(payer), spent, await payBy(pauper), await payBy(payer, { validBefore: 1n })];
    const block = await chain.latestBlock();
    expect(await simulate(members, 1_000_000n)).toEqual({
      results: [
        { ok: true },
        usedUp,
        { ok: false, revert: 'ERC20: transfer amount exceeds balance' },
        { ok: false, revert: 'FiatTokenV2: authorization is expired' },
      ],
      blockNumber: block.number,
      blockTime: block.time,
      baseFeePerGas: block.baseFeePerGas,
    });
    const hash = await settle(members, type);
    const { number } = await chain.latestBlock();
    const receipt = await chain.receipt(hash);
    expect(receipt).toMatchObject({ status: 'success', blockNumber: number });
    expect(await chain.blockNumberOf(hash)).toBe(number);
    const { logs, lastBlock } = await chain.authorizationUsedWithBlock({
      fromBlock: number,
      toBlock: number,
    });
    expect(logs.map(({ nonce }) => nonce)).toEqual([members[0]?.nonce]);
    expect(receipt?.authorizationsUsed).toEqual(logs);
    expect(bloomFits(lastBlock.logsBloom ?? '0x', [usdc, authorizationUsedTopic])).toBe(true);
    expect(bloomFits(lastBlock.logsBloom ?? '0x', [usdc, authorizationCancelledTopic])).toBe(false);
    expect(lastBlock).toEqual(await chain.block(number));
    expect(lastBlock.parentHash).toBe((await chain.block(number - 1n))?.hash);
  });

  it('shows a member that comes twice', async () => {
    const payment = await payBy(payer);
    expect(await simulate([payment, payment], 1_000_000n)).toMatchObject({ results: [{ ok: true }, usedUp] });
  });

  it('has no reason for a member that runs out of gas', async () => {
    // Loops for as long as it has gas.
    const asset = '0x00000000000000000000000000000000000000d4';
    const client = createTestClient({ mode: 'anvil', transport: http(anvil.rpcUrl) });
    await client.setCode({ address: asset, bytecode: '0x5b600056' });
    const members = [await payBy(payer, { asset })];
    const simulation = await chain.simulateBatch({ asset, members, from: seller, gasLimit: 1_000_000n });
    expect(simulation).toMatchObject({ results: [{ ok: false, revert: '' }] });
  });

  it('reverts as a whole when the gas does not suffice for that', async () => {
    const members = await Promise.all(Array.from({ length: 10 }, () => payBy(payer)));
    expect(await simulate(members, 200_000n)).toEqual({ reverted: expect.stringMatching(/out ?of ?gas/i) });
    expect(await simulate(members, 60_000n)).toEqual({ reverted: expect.stringMatching(/intrinsic gas/i) });
  });

  it('of none is simulated too', async () => {
    expect(await simulate([], 100_000n)).toMatchObject({ results: [] });
  });
});

describe('Logs of a block that the node has not got', () => {
  it('are a fault', async () => {
    const { number } = await chain.latestBlock();
    await expect(
      chain.authorizationUsedWithBlock({ fromBlock: number, toBlock: number + 1n }),
    ).rejects.toMatchObject({ code: 'chain_unavailable' });
  });
});

describe('Spent nonces', () => {
  it('are found among many', async () => {
    const spent = [await payBy(payer), await payBy(payer)];
    const before = await chain.latestBlock();
    await settle(spent);
    const { number } = await chain.latestBlock();
    const [first, second] = spent;
    if (first === undefined || second === undefined) throw new TypeError('no payments');
    const others = Array.from({ length: 250 }, () => ({ ...first, nonce: generatePrivateKey() }));
    const asked = [...others.slice(0, 120), first, ...others.slice(120), second];
    const told = await chain.spentOf(asked, number);
    expect(asked.filter((_, index) => told[index] === true)).toEqual([first, second]);
    expect(await chain.spentOf(asked, before.number)).not.toContain(true);
    expect(await chain.spentOf([], number)).toEqual([]);
  });

  it('of what is no token are a fault', async () => {
    const { number } = await chain.latestBlock();
    const asked = { ...(await payBy(payer)), asset: seller };
    await expect(chain.spentOf([asked], number)).rejects.toMatchObject({ code: 'chain_unavailable' });
  });
});

describe('The last final block', () => {
  it('is one of the chain', async () => {
    const final = await chain.finalizedBlock();
    expect(final === null || final.hash === (await chain.block(final.number))?.hash).toBe(true);
    const counted = EvmChain.connect({ ...networkAt(anvil.rpcUrl), finality: 2 });
    const { number } = await chain.latestBlock();
    expect(await counted.finalizedBlock()).toEqual(await chain.block(number - 2n));
  });
});
