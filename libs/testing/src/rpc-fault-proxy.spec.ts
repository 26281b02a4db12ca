import { connect } from 'node:net';

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { devUsdc, mintDevToken } from '@quittance/embedded';
import { createPublicClient, type Hex, http, keccak256, toHex, TransactionReceiptNotFoundError } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';

import { type Anvil, type RpcFaultProxy, startAnvil, startRpcFaultProxy } from './index.js';

const chainStartTimeoutMs = 60_000;
const heldMs = 300;
const recipient = '0x00000000000000000000000000000000000000bb';

let anvil: Anvil;
let proxy: RpcFaultProxy;
let draws: number[] = [];
const others: RpcFaultProxy[] = [];

const reader = () => createPublicClient({ cacheTime: 0, transport: http(proxy.url, { retryCount: 0 }) });
const direct = () => createPublicClient({ cacheTime: 0, transport: http(anvil.rpcUrl, { retryCount: 0 }) });

function sender() {
  const key = anvil.accounts[0]?.privateKey ?? '0x';
  return privateKeyToAccount(key);
}

/** One more, closed after the test. */
async function another(target: string): Promise<RpcFaultProxy> {
  const other = await startRpcFaultProxy({ target });
  others.push(other);
  return other;
}

/** A new payment of the sender, ready to be broadcast. */
async function signed(): Promise<Hex> {
  const account = sender();
  const nonce = await direct().getTransactionCount({ address: account.address, blockTag: 'pending' });
  return account.signTransaction({
    chainId: anvil.chainId,
    nonce,
    to: recipient,
    value: 1n,
    gas: 21_000n,
    maxFeePerGas: 10n ** 10n,
    maxPriorityFeePerGas: 1n,
  });
}

async function post(body: unknown): Promise<{ readonly status: number; readonly content: unknown }> {
  const answer = await fetch(proxy.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await answer.text();
  return { status: answer.status, content: text === '' ? undefined : (JSON.parse(text) as unknown) };
}

function call(method: string, params: readonly unknown[] = [], id = 7) {
  return { jsonrpc: '2.0', id, method, params };
}

async function result(method: string, params: readonly unknown[] = []): Promise<unknown> {
  return ((await post(call(method, params))).content as { readonly result?: unknown }).result;
}

beforeAll(async () => {
  anvil = await startAnvil();
  proxy = await startRpcFaultProxy({ target: anvil.rpcUrl, random: () => draws.shift() ?? 0 });
}, chainStartTimeoutMs);

afterEach(async () => {
  proxy.clear();
  await Promise.all(others.splice(0).map(async (other) => other.close()));
});

afterAll(async () => {
  await proxy?.close();
  await anvil?.stop();
});

describe('a proxy without faults', () => {
  it('passes single calls and batches, and counts each call by its method', async () => {
    const before = proxy.calls.get('eth_chainId') ?? 0;
    expect(await reader().getChainId()).toBe(anvil.chainId);
    const { content } = await post([call('eth_chainId', [], 1), call('net_version', [], 2)]);
    expect(content).toEqual([
      expect.objectContaining({ id: 1, result: toHex(anvil.chainId) }),
      expect.objectContaining({ id: 2, result: String(anvil.chainId) }),
    ]);
    expect(proxy.calls.get('eth_chainId')).toBe(before + 2);
  });

  it('lets the node say what is no JSON-RPC', async () => {
    expect((await post('{"jsonrpc"')).content).toMatchObject({ error: { code: -32600 } });
  });

  it('refuses a WebSocket', async () => {
    const socket = connect(Number(new URL(proxy.url).port), '127.0.0.1');
    const upgrade =
      'connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: eA==';
    socket.write(`GET / HTTP/1.1\r\nhost: x\r\n${upgrade}\r\n\r\n`);
    let told = '';
    for await (const chunk of socket) told += String(chunk);
    expect(told).toMatch(/^HTTP\/1\.1 426 /);
  });

  it('keeps up with many calls at once over kept connections', async () => {
    const answers = await Promise.all(
      Array.from({ length: 300 }, async (_, index) => post(call('eth_chainId', [], index))),
    );
    expect(answers.map(({ content }) => (content as { readonly id: number }).id)).toEqual(
      Array.from({ length: 300 }, (_, index) => index),
    );
  });
});

describe('a fault of the connection', () => {
  it('holds the answer', async () => {
    proxy.setFaults([{ fault: 'stall', delayMs: heldMs }]);
    const begun = performance.now();
    expect(await reader().getChainId()).toBe(anvil.chainId);
    // Timers may fire a moment early by this clock.
    expect(performance.now() - begun).toBeGreaterThan(heldMs - 20);
  });

  it('closes the socket, and the node never hears of it', async () => {
    const raw = await signed();
    proxy.setFaults([{ fault: 'drop', methods: ['eth_sendRawTransaction'] }]);
    await expect(post(call('eth_sendRawTransaction', [raw]))).rejects.toThrow('fetch failed');
    await expect(direct().getTransaction({ hash: keccak256(raw) })).rejects.toThrow('could not be found');
    expect(await reader().getChainId()).toBe(anvil.chainId);
  });

  it('can lose the answer to what the node did', async () => {
    const raw = await signed();
    proxy.setFaults([{ fault: 'drop', node: 'forwarded', methods: ['eth_sendRawTransaction'] }]);
    await expect(post(call('eth_sendRawTransaction', [raw]))).rejects.toThrow('fetch failed');
    expect(await direct().getTransactionReceipt({ hash: keccak256(raw) })).toMatchObject({
      status: 'success',
    });
  });

  it('answers with a status', async () => {
    proxy.setFaults([{ fault: 'http', status: 503 }]);
    expect(await post(call('eth_chainId'))).toEqual({ status: 503, content: undefined });
  });

  it('looks like a closed socket when the node is gone', async () => {
    const stray = await another('http://127.0.0.1:1');
    await expect(fetch(stray.url, { method: 'POST', body: '{}' })).rejects.toThrow('fetch failed');
  });

  it('ends what it holds when it closes', async () => {
    const other = await another(anvil.rpcUrl);
    other.setFaults([{ fault: 'stall', delayMs: 600_000 }]);
    const body = JSON.stringify(call('eth_chainId'));
    const held = expect(fetch(other.url, { method: 'POST', body })).rejects.toThrow('fetch failed');
    while ((other.struck.get('stall') ?? 0) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await other.close();
    await held;
  });
});

describe('a fault of an answer', () => {
  it('is an error of one method, in a batch too', async () => {
    proxy.setFaults([
      { fault: 'rpcError', methods: ['net_version'], code: -32005, message: 'limit exceeded' },
    ]);
    const { content } = await post([call('eth_chainId', [], 1), call('net_version', [], 2)]);
    expect(content).toEqual([
      { jsonrpc: '2.0', id: 1, result: toHex(anvil.chainId) },
      { jsonrpc: '2.0', id: 2, error: { code: -32005, message: 'limit exceeded' } },
    ]);
  });

  it('is a nonce that is too low, and never below 0', async () => {
    await direct().sendRawTransaction({ serializedTransaction: await signed() });
    const { address } = sender();
    const nonce = await direct().getTransactionCount({ address });
    proxy.setFaults([{ fault: 'stale', by: 1 }]);
    expect(await reader().getTransactionCount({ address })).toBe(nonce - 1);
    proxy.setFaults([{ fault: 'stale', by: 1_000_000 }]);
    expect(await reader().getTransactionCount({ address })).toBe(0);
  });

  it('is a receipt, or logs, that are not there', async () => {
    const hash = await direct().sendRawTransaction({ serializedTransaction: await signed() });
    await mintDevToken(anvil.rpcUrl, { token: devUsdc.address, to: recipient, amount: 1n });
    expect(await reader().getLogs({ fromBlock: 0n })).not.toEqual([]);
    proxy.setFaults([{ fault: 'missingReceipt' }, { fault: 'missingLogs' }]);
    await expect(reader().getTransactionReceipt({ hash })).rejects.toThrow(TransactionReceiptNotFoundError);
    expect(await reader().getLogs({ fromBlock: 0n })).toEqual([]);
    proxy.clear();
    expect(await reader().getTransactionReceipt({ hash })).toMatchObject({ status: 'success' });
  });

  it('is the hash of a transaction that was thrown away', async () => {
    const raw = await signed();
    proxy.setFaults([{ fault: 'swallow', times: 1 }]);
    expect(await result('eth_sendRawTransaction', [raw])).toBe(keccak256(raw));
    await expect(direct().getTransaction({ hash: keccak256(raw) })).rejects.toThrow('could not be found');
    expect(await result('eth_sendRawTransaction', [raw])).toBe(keccak256(raw));
    expect(await direct().getTransactionReceipt({ hash: keccak256(raw) })).toMatchObject({
      status: 'success',
    });
  });

  it('is a transaction that the node gets twice, with the answer to the first', async () => {
    const raw = await signed();
    // One behind the other: the inner shows what reaches the node.
    const inner = await another(anvil.rpcUrl);
    const outer = await another(inner.url);
    outer.setFaults([{ fault: 'duplicateSend' }]);
    const client = createPublicClient({ transport: http(outer.url, { retryCount: 0 }) });
    expect(await client.sendRawTransaction({ serializedTransaction: raw })).toBe(keccak256(raw));
    expect(inner.calls.get('eth_sendRawTransaction')).toBe(2);
  });
});

describe('a node that is behind', () => {
  it('knows nothing of the blocks above: not their number, state, logs, receipts or hashes', async () => {
    const account = sender();
    await anvil.mine(2);
    const head = await direct().getBlockNumber();
    const balance = await direct().getBalance({ address: recipient });
    const nonce = await direct().getTransactionCount({ address: account.address, blockTag: 'pending' });
    const hash = await direct().sendRawTransaction({ serializedTransaction: await signed() });
    await mintDevToken(anvil.rpcUrl, { token: devUsdc.address, to: recipient, amount: 1n });
    const newest = await direct().getBlock();
    const blocks = Number(newest.number - head);
    proxy.setFaults([{ fault: 'lagging', blocks }]);
    const client = reader();
    expect(await client.getBlockNumber()).toBe(head);
    expect((await client.getBlock()).number).toBe(head);
    expect((await client.getBlock({ blockTag: 'finalized' })).number).toBeLessThanOrEqual(head);
    expect(await client.getBalance({ address: recipient })).toBe(balance);
    expect(await client.getTransactionCount({ address: account.address, blockTag: 'pending' })).toBe(nonce);
    expect(await client.getLogs({ fromBlock: head + 1n, toBlock: newest.number })).toEqual([]);
    expect((await client.getLogs({ fromBlock: 0n })).every((log) => (log.blockNumber ?? 0n) <= head)).toBe(
      true,
    );
    expect(await client.getTransaction({ hash })).toMatchObject({ blockHash: null, blockNumber: null });
    expect(await result('eth_getTransactionReceipt', [hash])).toBeNull();
    expect(await result('eth_getBlockByHash', [newest.hash, false])).toBeNull();
    expect(await result('eth_getBlockByNumber', [toHex(newest.number), false])).toBeNull();
    expect(await result('eth_getBlockByNumber', [toHex(head), false])).not.toBeNull();
    for (const block of [
      toHex(newest.number),
      { blockHash: newest.hash },
      { blockNumber: toHex(newest.number) },
    ]) {
      const { content } = await post(call('eth_getBalance', [recipient, block]));
      expect(content).toMatchObject({ error: { code: -32000, message: 'header not found' } });
    }
    const logs = await post(call('eth_getLogs', [{ blockHash: newest.hash }]));
    expect(logs.content).toMatchObject({ error: { code: -32000 } });
  });

  it('comes on with the chain, and starts at its first block', async () => {
    proxy.setFaults([{ fault: 'lagging', blocks: 1 }]);
    const before = await reader().getBlockNumber();
    await anvil.mine(3);
    expect(await reader().getBlockNumber()).toBe(before + 3n);
    proxy.setFaults([{ fault: 'lagging', blocks: 1_000_000 }]);
    expect(await reader().getBlockNumber()).toBe(0n);
  });

  it('answers calls, estimates and fees as of its block', async () => {
    await mintDevToken(anvil.rpcUrl, { token: devUsdc.address, to: recipient, amount: 1n });
    const head = await direct().getBlockNumber();
    proxy.setFaults([{ fault: 'frozen' }]);
    const balanceOf = `0x70a08231${recipient.slice(2).padStart(64, '0')}`;
    const before = await result('eth_call', [{ to: devUsdc.address, data: balanceOf }]);
    await mintDevToken(anvil.rpcUrl, { token: devUsdc.address, to: recipient, amount: 1n });
    expect(await result('eth_call', [{ to: devUsdc.address, data: balanceOf }, 'latest'])).toBe(before);
    expect(await result('eth_estimateGas', [{ to: recipient, value: toHex(1) }])).toMatch(/^0x5208$/);
    expect(await result('eth_feeHistory', ['0x1', 'latest', []])).toMatchObject({ oldestBlock: toHex(head) });
  });

  it('stays where it froze, yet takes transactions', async () => {
    const head = await direct().getBlockNumber();
    proxy.setFaults([{ fault: 'frozen' }]);
    expect(await reader().getBlockNumber()).toBe(head);
    const hash = await reader().sendRawTransaction({ serializedTransaction: await signed() });
    await anvil.mine(2);
    expect(await reader().getBlockNumber()).toBe(head);
    expect(await result('eth_getTransactionReceipt', [hash])).toBeNull();
    expect(await direct().getTransactionReceipt({ hash })).toMatchObject({ status: 'success' });
    proxy.setFaults([{ fault: 'frozen', block: 1n }]);
    expect(await reader().getBlockNumber()).toBe(1n);
  });
});

describe('faults', () => {
  it('strike as often as the random numbers say', async () => {
    draws = [0.1, 0.9, 0.49, 0.5];
    proxy.setFaults([{ fault: 'rpcError', probability: 0.5, code: 1, message: 'x' }]);
    const struck: boolean[] = [];
    for (let id = 0; id < 4; id += 1) {
      struck.push('error' in ((await post(call('eth_chainId', [], id))).content as object));
    }
    expect(struck).toEqual([true, false, true, false]);
  });

  it('add up on one call', async () => {
    const { address } = sender();
    await anvil.mine(1);
    proxy.setFaults([
      { fault: 'lagging', blocks: 1 },
      { fault: 'stale', by: 1 },
      { fault: 'stall', delayMs: heldMs },
    ]);
    const nonce = await direct().getTransactionCount({ address });
    const begun = performance.now();
    expect(await reader().getTransactionCount({ address })).toBe(nonce - 1);
    expect(performance.now() - begun).toBeGreaterThan(heldMs - 20);
    expect([...proxy.struck.keys()]).toEqual(expect.arrayContaining(['lagging', 'stale', 'stall']));
  });

  it.each([
    [{ fault: 'stall', delayMs: -1 }],
    [{ fault: 'http', status: 42 }],
    [{ fault: 'stale', by: 0.5 }],
    [{ fault: 'lagging', blocks: -1 }],
    [{ fault: 'drop', probability: 1.5 }],
    [{ fault: 'drop', times: 0 }],
  ] as const)('out of range are refused: %j', (fault) => {
    expect(() => proxy.setFaults([fault])).toThrow(RangeError);
  });

  it('with a probability need a random function', async () => {
    const other = await another(anvil.rpcUrl);
    expect(() => other.setFaults([{ fault: 'drop', probability: 0.5 }])).toThrow(
      'needs the proxy to have a `random`',
    );
  });
});
