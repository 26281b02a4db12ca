import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import { paymentBody } from './payment.fixture.js';
import {
  asAdmin,
  environment,
  eventually,
  fundedPayer,
  type Ground,
  postAs,
  SettlementFake,
  startGround,
} from './stack.fixture.js';

/** The built service as the operating system sees it: `dist/main.js`, which `nx test` builds first. */
const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const closeMaxMs = 5_000;

let ground: Ground;
const children: ChildProcess[] = [];
const fakes: SettlementFake[] = [];

type Running = {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly ended: Promise<number | null>;
};

function run(env: Readonly<Record<string, string>>, ipc = false): Running {
  const child = spawn(process.execPath, [main], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ipc ? ['ignore', 'pipe', 'pipe', 'ipc'] : ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  return { child, output: () => text, ended };
}

async function listening({ output }: Running): Promise<string> {
  await eventually(() => output().includes('"msg":"listening"'));
  const line = output()
    .split('\n')
    .find((text) => text.includes('"msg":"listening"'));
  const { url } = JSON.parse(line ?? '{}') as { url: string };
  await eventually(async () => (await fetch(`${url}/health/ready`)).status === 200);
  return url;
}

async function startSettlement(): Promise<SettlementFake> {
  const fake = new SettlementFake(ground);
  fakes.push(fake);
  await fake.start();
  return fake;
}

beforeAll(async () => {
  ground = await startGround();
}, 90_000);
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const fake of fakes.splice(0)) await fake.close();
});
afterAll(() => ground.stop());

describe('the process', () => {
  it('is one of two that give a hundred equal answers to a hundred equal requests', async () => {
    const settlement = await startSettlement();
    const urls = await Promise.all([run(environment(ground)), run(environment(ground))].map(listening));
    const body = await paymentBody(await fundedPayer(ground, 10_000n));
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_none, index) =>
        postAs('application/json', `${urls[index % 2]}/settle`, body),
      ),
    );
    expect(new Set(answers.map((answer) => JSON.stringify([answer.status, answer.body]))).size).toBe(1);
    expect(answers[0]).toMatchObject({ status: 200, body: { success: true } });
    expect(settlement.accepted).toHaveLength(1);
    await expect(asAdmin(ground, 'SELECT count(*)::int AS n FROM facilitator.payment')).resolves.toEqual([
      { n: 1 },
    ]);
  }, 60_000);

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'ends in order on %s',
    async (signal) => {
      const running = run(environment(ground));
      await listening(running);
      const begun = performance.now();
      running.child.kill(signal);
      await expect(running.ended).resolves.toBe(0);
      expect(performance.now() - begun).toBeLessThan(closeMaxMs);
      expect(running.output()).toContain('"msg":"closed"');
    },
    30_000,
  );

  // What is applied wakes who waits for it by a connection of its own, which may be quicker than the end of the process.
  it.each([
    { point: 'facilitator.reserved', mayAnswer: false },
    { point: 'facilitator.events-taken', mayAnswer: false },
    { point: 'facilitator.events-applied', mayAnswer: true },
  ])(
    'killed at $point leaves a payment that the next one settles once',
    async ({ point, mayAnswer }) => {
      const settled = { status: 200, body: { success: true } };
      const settlement = await startSettlement();
      const doomed = run({ ...environment(ground), NODE_ENV: 'test', CRASH_AT: point });
      const body = await paymentBody(await fundedPayer(ground, 10_000n));
      const asked = postAs('application/json', `${await listening(doomed)}/settle`, body);
      const answer = await asked.catch(() => null);
      expect(answer ?? settled).toMatchObject(settled);
      expect(answer === null || mayAnswer).toBe(true);
      await expect(doomed.ended).resolves.toBeNull();
      const url = await listening(run(environment(ground)));
      await expect(postAs('application/json', `${url}/settle`, body)).resolves.toMatchObject(settled);
      const nonce = body.paymentPayload.payload.authorization['nonce'];
      const trail = await asAdmin<{ to_state: string }>(
        ground,
        `SELECT t.to_state FROM facilitator.payment p JOIN facilitator.payment_transition t ON t.payment_id = p.id
          WHERE p.nonce = $1 ORDER BY t.sequence`,
        [nonce],
      );
      expect(trail.map(({ to_state }) => to_state)).toEqual(['accepted', 'submitted', 'confirmed']);
      expect(settlement.accepted.filter(({ data }) => data.authorization.nonce === nonce)).toHaveLength(1);
    },
    60_000,
  );

  it('ends when its parent is gone', async () => {
    const running = run(environment(ground), true);
    await listening(running);
    running.child.disconnect();
    await expect(running.ended).resolves.toBe(0);
  }, 30_000);

  it('does not start with wrong settings, and names each', async () => {
    const running = run({ ...environment(ground), PORT: 'x', DATABASE_URL: 'mysql://hunter2@db' });
    await expect(running.ended).resolves.toBe(1);
    for (const name of ['PORT', 'DATABASE_URL']) expect(running.output()).toContain(`- ${name}: must be `);
    expect(running.output()).not.toContain('hunter2');
  });

  it('does not go on with a database that was never migrated, and says what to do', async () => {
    const empty = new URL(ground.database.adminUrl);
    empty.pathname = '/postgres';
    const running = run({ ...environment(ground), DATABASE_URL: empty.href });
    await expect(running.ended).resolves.toBe(1);
    expect(running.output()).toContain('Run the migrations first');
  });

  it('does not go on with a node of another chain', async () => {
    const { NETWORKS } = environment(ground);
    const running = run({
      ...environment(ground),
      NETWORKS: NETWORKS.replace('eip155:84532', 'eip155:8453'),
    });
    await expect(running.ended).resolves.toBe(1);
    expect(running.output()).toMatch(/84532/);
  });
});
