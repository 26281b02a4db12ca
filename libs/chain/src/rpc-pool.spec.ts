import { afterEach, describe, expect, it } from '@jest/globals';
import { parseChainId } from '@quittance/money';

import { eventually } from '../test/eventually.js';
import { FakeEndpoint, type Mood } from '../test/fake-endpoint.js';
import { newPayer } from '../test/payments.js';
import { RpcPool } from './rpc-pool.js';

const timeoutMs = 1_500;
const { address } = newPayer();
const underpriced = { code: -32_000, message: 'replacement transaction underpriced' };
const nonceTooLow = { code: -32_000, message: 'nonce too low' };
const opened: (FakeEndpoint | RpcPool)[] = [];

async function endpoints(...names: string[]): Promise<FakeEndpoint[]> {
  const started = await Promise.all(names.map((name) => FakeEndpoint.start(name)));
  opened.push(...started);
  return started;
}

/** Probes often where a test waits for one, and else not at all beside the first. */
function poolOf(nodes: readonly FakeEndpoint[], probeIntervalMs = 3_600_000): RpcPool {
  const pool = new RpcPool({
    chainId: parseChainId('eip155:84532'),
    urls: nodes.map(({ url }) => url),
    timeoutMs,
    probeIntervalMs,
    breaker: { faultsMax: 2, pauseMinMs: 50, pauseMaxMs: 200 },
  });
  opened.unshift(pool);
  return pool;
}

async function whoAnswers(pool: RpcPool): Promise<unknown> {
  const answer = await pool.ask('who');
  return answer.ok ? answer.result : answer.error;
}

afterEach(async () => {
  for (const open of opened.splice(0)) await (open instanceof RpcPool ? open.close() : open.stop());
});

describe('Reading from several endpoints', () => {
  it('asks the first, in one request a turn', async () => {
    const [a, b] = await endpoints('a', 'b');
    const pool = poolOf([a!, b!]);
    const answers = await Promise.all([pool.ask('who'), pool.ask('what'), pool.ask('who')]);
    expect(answers).toEqual(Array.from({ length: 3 }, () => ({ ok: true, result: 'a' })));
    expect(a?.requestsWith('who')).toEqual([['who', 'what', 'who']]);
    expect(b?.asked('who')).toBe(0);
  });

  it.each<Mood>(['stalled', 'http500', 'http429', 'overloaded', 'garbled', 'forgetful'])(
    'asks the next for the whole turn when the first is %s',
    async (mood) => {
      const [a, b] = await endpoints('a', 'b');
      a!.mood = mood;
      const pool = poolOf([a!, b!]);
      const answers = await Promise.all([pool.ask('who'), pool.ask('what')]);
      expect(answers).toEqual([
        { ok: true, result: 'b' },
        { ok: true, result: 'b' },
      ]);
    },
  );

  it('asks the next when nobody is at the first', async () => {
    const [a, b] = await endpoints('a', 'b');
    await a!.stop();
    opened.splice(opened.indexOf(a!), 1);
    expect(await whoAnswers(poolOf([a!, b!]))).toBe('b');
  });

  it('keeps a turn at one endpoint, also when it takes several requests', async () => {
    const [a, b] = await endpoints('a', 'b');
    a!.mood = 'forgetful';
    const pool = poolOf([a!, b!]);
    const answers = await Promise.all(Array.from({ length: 120 }, () => pool.ask('who')));
    expect(new Set(answers.map((answer) => (answer.ok ? answer.result : answer.error)))).toEqual(
      new Set(['b']),
    );
  });

  it('takes a revert for an answer', async () => {
    const [a, b] = await endpoints('a', 'b');
    const reverted = { code: 3, message: 'execution reverted: too many requests' };
    a!.error = reverted;
    expect(await whoAnswers(poolOf([a!, b!]))).toEqual(reverted);
    expect(b!.asked('who')).toBe(0);
  });

  it('asks elsewhere for what one node does not have', async () => {
    const [a, b] = await endpoints('a', 'b');
    a!.error = { code: -32_000, message: 'header not found' };
    const pool = poolOf([a!, b!]);
    for (let time = 0; time < 5; time += 1) expect(await whoAnswers(pool)).toBe('b');
    expect(a!.asked('who')).toBe(5);
    expect(pool.endpointsHealth()[0]?.healthy).toBe(true);
  });

  it('hands on what the first said when no other says better', async () => {
    const [a, b] = await endpoints('a', 'b');
    a!.mood = 'overloaded';
    b!.mood = 'http500';
    expect(await whoAnswers(poolOf([a!, b!]))).toMatchObject({ code: -32_005 });
  });

  it('is a fault within the time-out when all of them stall', async () => {
    const nodes = await endpoints('a', 'b', 'c');
    for (const node of nodes) node.mood = 'stalled';
    const startedAt = performance.now();
    await expect(poolOf(nodes).ask('who')).rejects.toMatchObject({ code: 'chain_unavailable' });
    expect(performance.now() - startedAt).toBeLessThan(timeoutMs * 5);
    expect(nodes.map((node) => node.asked('who'))).toEqual([1, 1, 1]);
  });
});

describe('An endpoint that keeps faulting', () => {
  it('is left alone, and taken back when a probe finds it well', async () => {
    const [a, b] = await endpoints('a', 'b');
    const pool = poolOf([a!, b!], 20);
    a!.mood = 'http500';
    for (let time = 0; time < 3; time += 1) expect(await whoAnswers(pool)).toBe('b');
    await eventually(() => pool.endpointsHealth()[0]?.healthy === false);
    const asked = a!.asked('who');
    for (let time = 0; time < 5; time += 1) expect(await whoAnswers(pool)).toBe('b');
    expect(a!.asked('who')).toBe(asked);
    a!.mood = 'well';
    await eventually(() => pool.endpointsHealth()[0]?.healthy === true);
    expect(await whoAnswers(pool)).toBe('a');
  });

  it('is asked all the same when no other works', async () => {
    const nodes = await endpoints('a', 'b');
    for (const node of nodes) node.mood = 'http500';
    const pool = poolOf(nodes);
    for (let time = 0; time < 3; time += 1) await expect(pool.ask('who')).rejects.toThrow();
    expect(pool.endpointsHealth().map(({ healthy }) => healthy)).toEqual([false, false]);
    nodes[1]!.mood = 'well';
    expect(await whoAnswers(pool)).toBe('b');
    expect(pool.endpointsHealth()[1]?.healthy).toBe(true);
  });

  it('is asked all the same when it is the only one', async () => {
    const [a] = await endpoints('a');
    const pool = poolOf([a!]);
    a!.mood = 'http429';
    for (let time = 0; time < 10; time += 1) await expect(pool.ask('who')).rejects.toThrow(/429/);
    expect(a!.asked('who')).toBe(10);
    a!.mood = 'well';
    expect(await whoAnswers(pool)).toBe('a');
  });
});

describe('Endpoints at different heights', () => {
  it('are read from the one that keeps up', async () => {
    const [a, b] = await endpoints('a', 'b');
    a!.height = 90n;
    const pool = poolOf([a!, b!], 20);
    await whoAnswers(pool);
    await eventually(() => pool.endpointsHealth()[0]?.lagging === true);
    expect(pool.endpointsHealth()).toEqual([
      { index: 0, healthy: true, height: 90n, lagging: true },
      { index: 1, healthy: true, height: 100n, lagging: false },
    ]);
    expect(await whoAnswers(pool)).toBe('b');
    a!.height = 100n;
    await eventually(async () => (await whoAnswers(pool)) === 'a');
  });

  it('are read from the one that lags when the others fault', async () => {
    const [a, b] = await endpoints('a', 'b');
    a!.height = 90n;
    const pool = poolOf([a!, b!], 20);
    await whoAnswers(pool);
    await eventually(() => pool.endpointsHealth()[0]?.lagging === true);
    b!.mood = 'http500';
    expect(await whoAnswers(pool)).toBe('a');
  });

  it('are not read from one that lies about it', async () => {
    const nodes = await endpoints('a', 'b', 'c');
    nodes[0]!.height = 10n ** 12n;
    const pool = poolOf(nodes, 20);
    await whoAnswers(pool);
    await eventually(() => pool.endpointsHealth()[0]?.lagging === true);
    expect(pool.endpointsHealth().map(({ lagging }) => lagging)).toEqual([true, false, false]);
    expect(await whoAnswers(pool)).toBe('b');
  });
});

describe('An account’s nonce', () => {
  it('is the highest that an endpoint reports', async () => {
    const nodes = await endpoints('a', 'b', 'c');
    nodes.forEach((node, index) => (node.transactionCount = [5n, 7n, 6n][index]!));
    expect(await poolOf(nodes).transactionCountMax(address)).toBe(7n);
  });

  it('is not taken from one that lags, though no other answers', async () => {
    const [a, b] = await endpoints('a', 'b');
    a!.height = 90n;
    a!.transactionCount = 3n;
    b!.transactionCount = 7n;
    const pool = poolOf([a!, b!]);
    expect(await pool.transactionCountMax(address)).toBe(7n);
    b!.mood = 'stalled';
    await expect(pool.transactionCountMax(address)).rejects.toMatchObject({ code: 'chain_unavailable' });
  });

  it('is that of the others while one is away', async () => {
    const nodes = await endpoints('a', 'b', 'c');
    nodes.forEach((node, index) => (node.transactionCount = [5n, 7n, 6n][index]!));
    nodes[0]!.mood = 'http500';
    nodes[2]!.mood = 'garbled';
    expect(await poolOf(nodes).transactionCountMax(address)).toBe(7n);
  });

  it('is a fault when none answers', async () => {
    const nodes = await endpoints('a', 'b');
    for (const node of nodes) node.mood = 'http429';
    await expect(poolOf(nodes).transactionCountMax(address)).rejects.toMatchObject({
      code: 'chain_unavailable',
    });
  });
});

describe('Broadcasting', () => {
  it('goes to all endpoints, and is accepted when one takes it', async () => {
    const nodes = await endpoints('a', 'b', 'c');
    nodes[0]!.sendError = underpriced;
    nodes[1]!.sendError = nonceTooLow;
    expect(await poolOf(nodes).broadcast('0x02')).toEqual({ outcome: 'accepted' });
    await eventually(() => nodes.every((node) => node.asked('eth_sendRawTransaction') === 1));
  });

  it('does not wait for one that stalls', async () => {
    const [a, b] = await endpoints('a', 'b');
    a!.mood = 'stalled';
    const startedAt = performance.now();
    expect(await poolOf([a!, b!]).broadcast('0x02')).toEqual({ outcome: 'accepted' });
    expect(performance.now() - startedAt).toBeLessThan(timeoutMs);
  });

  it('reaches also an endpoint that is out of turn', async () => {
    const [a, b] = await endpoints('a', 'b');
    a!.mood = 'http500';
    const pool = poolOf([a!, b!]);
    for (let time = 0; time < 3; time += 1) await whoAnswers(pool);
    expect(pool.endpointsHealth()[0]?.healthy).toBe(false);
    a!.mood = 'well';
    b!.mood = 'http500';
    expect(await pool.broadcast('0x02')).toEqual({ outcome: 'accepted' });
  });

  it('finds a nonce spent only when all that answer say so', async () => {
    const nodes = await endpoints('a', 'b', 'c');
    nodes[0]!.sendError = nonceTooLow;
    nodes[1]!.sendError = nonceTooLow;
    nodes[2]!.mood = 'http500';
    const pool = poolOf(nodes);
    expect(await pool.broadcast('0x02')).toEqual({ outcome: 'nonce_spent' });
    nodes[1]!.sendError = underpriced;
    expect(await pool.broadcast('0x02')).toMatchObject({ outcome: 'refused', detail: underpriced.message });
  });

  it('is a fault when none answers', async () => {
    const nodes = await endpoints('a', 'b');
    nodes[0]!.mood = 'overloaded';
    nodes[1]!.mood = 'garbled';
    await expect(poolOf(nodes).broadcast('0x02')).rejects.toMatchObject({ code: 'chain_unavailable' });
  });
});

describe('A pool', () => {
  it('never tells a URL, which may hold a key', async () => {
    const nodes = await endpoints('a', 'b');
    for (const node of nodes) node.mood = 'http500';
    const pool = poolOf(nodes);
    const fault: unknown = await pool.ask('who').catch((error: unknown) => error);
    expect(String(fault)).not.toContain('secret-key');
    expect(JSON.stringify(pool.endpointsHealth())).not.toContain('secret-key');
  });

  it('probes no more once it is closed', async () => {
    const nodes = await endpoints('a', 'b');
    const pool = poolOf(nodes, 20);
    await whoAnswers(pool);
    await eventually(() => nodes[1]!.asked('eth_blockNumber') >= 2);
    pool.close();
    const health = pool.endpointsHealth();
    nodes[1]!.height = 7n;
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(pool.endpointsHealth()).toEqual(health);
  });

  it('does not probe its only endpoint', async () => {
    const [a] = await endpoints('a');
    const pool = poolOf([a!], 10);
    await whoAnswers(pool);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(a!.asked('eth_blockNumber')).toBe(0);
  });
});
