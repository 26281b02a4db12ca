import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, it } from '@jest/globals';
import { createPublicClient, createWalletClient, http, parseEther } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';

import { type Anvil, startAnvil } from './anvil.js';
import { mintDevToken } from './dev-chain.js';
import { devTokenAbi, devUsdc } from './dev-token.js';
import { isRunning } from './running-process.js';

const folder = mkdtempSync(join(tmpdir(), 'quittance-spec-'));
const holder = '0x00000000000000000000000000000000000000aa';

function reader(anvil: Anvil) {
  return createPublicClient({ transport: http(anvil.rpcUrl, { retryCount: 0, timeout: 500 }) });
}

async function balance(anvil: Anvil): Promise<bigint> {
  return reader(anvil).readContract({
    address: devUsdc.address,
    abi: devTokenAbi,
    functionName: 'balanceOf',
    args: [holder],
  });
}

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('startAnvil', () => {
  it('gives a chain with the dev contracts, whose accounts can pay', async () => {
    const anvil = await startAnvil();
    expect(await reader(anvil).getChainId()).toBe(84532);
    expect(await reader(anvil).getCode({ address: devUsdc.address })).toMatch(/^0x60/);
    const [first, second] = anvil.accounts;
    if (first === undefined || second === undefined) throw new TypeError('no accounts');
    const wallet = createWalletClient({
      account: privateKeyToAccount(first.privateKey),
      transport: http(anvil.rpcUrl),
    });
    const hash = await wallet.sendTransaction({ to: second.address, value: parseEther('1'), chain: null });
    // The node answers when it has the transaction, which is a moment before it has mined it.
    expect(await reader(anvil).waitForTransactionReceipt({ hash, pollingInterval: 20 })).toMatchObject({
      status: 'success',
      from: first.address,
    });
    await anvil.stop();
    expect(isRunning(anvil.pid)).toBe(false);
  });

  it('keeps its state over an orderly end', async () => {
    const statePath = join(folder, 'kept.json');
    const first = await startAnvil({ statePath });
    await mintDevToken(first.rpcUrl, { token: devUsdc.address, to: holder, amount: 5n });
    await first.stop();
    const second = await startAnvil({ statePath });
    expect(await balance(second)).toBe(5n);
    await second.stop();
  });

  it('ends the chain that a killed run left on the same state before it starts', async () => {
    const statePath = join(folder, 'left.json');
    const first = await startAnvil({ statePath });
    await mintDevToken(first.rpcUrl, { token: devUsdc.address, to: holder, amount: 6n });
    const second = await startAnvil({ statePath });
    expect(isRunning(first.pid)).toBe(false);
    expect(await balance(second)).toBe(6n);
    await second.stop();
    await first.stop();
  });

  it('refuses a state that was cut short, naming the file', async () => {
    const statePath = join(folder, 'damaged.json');
    writeFileSync(statePath, '{"block":');
    await expect(startAnvil({ statePath })).rejects.toThrow(`its state ${statePath} was cut short`);
    expect(readFileSync(statePath, 'utf8')).toBe('{"block":');
  });

  it('mines when told, and does not answer while it is paused', async () => {
    const anvil = await startAnvil({ chainId: 31337, blockTimeS: 60 });
    const before = await reader(anvil).getBlockNumber();
    await anvil.mine(3);
    expect(await reader(anvil).getBlockNumber({ cacheTime: 0 })).toBe(before + 3n);
    anvil.pause();
    await expect(reader(anvil).getBlockNumber({ cacheTime: 0 })).rejects.toThrow('took too long');
    anvil.resume();
    expect(await reader(anvil).getBlockNumber({ cacheTime: 0 })).toBe(before + 3n);
    await anvil.stop();
  });
});
