import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Anvil, startAnvil } from '@quittance/embedded';

import { eventually } from '../test/eventually.js';
import { HeadServer } from '../test/head-server.js';
import { networkAt } from '../test/payments.js';
import { EvmChain } from './evm-chain.js';
import { HeadSocket, type HeadSocketTimings, type HeadWatch } from './heads.js';

const timings = { silenceMs: 50, replyTimeoutMs: 300, retryMinMs: 10, retryMaxMs: 40 };
let server: HeadServer;
let watch: HeadWatch | undefined;
let heads: number;

function watchServer(changes: Partial<HeadSocketTimings> = {}): HeadSocket {
  const socket = new HeadSocket({ url: server.url, onHead: () => (heads += 1) }, { ...timings, ...changes });
  watch = socket;
  return socket;
}

beforeEach(async () => {
  heads = 0;
  server = await HeadServer.start();
});

afterEach(async () => {
  watch?.close();
  await server.stop();
});

describe('Watching for blocks over a socket', () => {
  it('is live once it is subscribed, and tells of each block', async () => {
    const socket = watchServer();
    expect(socket.live).toBe(false);
    await eventually(() => socket.live);
    expect(server.heard[0]).toMatchObject({ method: 'eth_subscribe', params: ['newHeads'] });
    const before = heads;
    server.announce();
    await eventually(() => heads === before + 1);
  });

  it('asks a silent socket whether it is there, and stays live when it is', async () => {
    const socket = watchServer();
    await eventually(() => server.heard.filter(({ method }) => method === 'eth_blockNumber').length >= 3);
    expect(socket.live).toBe(true);
    expect(server.connections).toBe(1);
    expect(heads).toBe(1);
  });

  it('notices one that stalls, and tells what may have been missed once another works', async () => {
    const socket = watchServer();
    await eventually(() => socket.live);
    server.isMute = true;
    await eventually(() => !socket.live);
    await eventually(() => server.connections >= 2);
    expect(socket.live).toBe(false);
    const before = heads;
    server.isMute = false;
    await eventually(() => socket.live);
    expect(heads).toBe(before + 1);
  });

  it('replaces one that breaks', async () => {
    const socket = watchServer();
    await eventually(() => socket.live);
    server.drop();
    await eventually(() => server.connections === 2 && socket.live);
  });

  it('tries again when it is refused, at a growing distance', async () => {
    server.isRefusing = true;
    const socket = watchServer();
    await eventually(() => server.connections >= 4);
    expect(socket.live).toBe(false);
    server.isRefusing = false;
    await eventually(() => socket.live);
  });

  it('tries again when nobody is there', async () => {
    const { port } = server;
    await server.stop();
    const socket = new HeadSocket({ url: `ws://127.0.0.1:${port}`, onHead: () => (heads += 1) }, timings);
    watch = socket;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(socket.live).toBe(false);
    server = await HeadServer.start(port);
    await eventually(() => socket.live);
  });

  it('opens only so many beside those that never end', async () => {
    server.isMute = true;
    server.isStuck = true;
    watchServer({ replyTimeoutMs: 30, retryMaxMs: 10 });
    await eventually(() => server.connections === 3);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(server.connections).toBe(3);
    server.isStuck = false;
    server.drop();
    await eventually(() => server.connections > 3);
  });

  it('is not disturbed by what is no JSON', async () => {
    const socket = watchServer();
    await eventually(() => socket.live);
    server.say('<html>');
    server.announce();
    await eventually(() => heads === 2);
    expect(socket.live).toBe(true);
  });

  it('tells nothing once it is closed', async () => {
    const socket = watchServer();
    await eventually(() => socket.live);
    socket.close();
    expect(socket.live).toBe(false);
    const before = heads;
    server.announce();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(heads).toBe(before);
    expect(server.connections).toBe(1);
  });
});

describe('A chain', () => {
  let anvil: Anvil;

  beforeEach(async () => {
    anvil = await startAnvil({ blockTimeS: 3_600 });
  });

  afterEach(async () => {
    await anvil.stop();
  });

  it('tells of its blocks where it has a socket', async () => {
    const wsUrl = anvil.rpcUrl.replace('http:', 'ws:');
    const chain = EvmChain.connect({ ...networkAt(anvil.rpcUrl), wsUrl });
    const seen: bigint[] = [];
    watch = chain.watchHeads(() => void chain.latestBlock().then(({ number }) => seen.push(number)));
    await eventually(() => watch?.live === true && seen.length === 1);
    await anvil.mine();
    await eventually(() => seen.length === 2);
    expect(seen[1]).toBe((seen[0] ?? 0n) + 1n);
  });

  it('never tells, and is never live, where it has none', async () => {
    const chain = EvmChain.connect(networkAt(anvil.rpcUrl));
    watch = chain.watchHeads(() => (heads += 1));
    await anvil.mine();
    await chain.latestBlock();
    expect(watch.live).toBe(false);
    expect(heads).toBe(0);
    watch.close();
  });
});
