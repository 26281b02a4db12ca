import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createLogger } from '@quittance/observability';

import { parseConfig } from '../src/config.js';
import { type Service, startService } from '../src/service.js';
import { until, World } from './world.js';

/** What an operator sees of the service at GET /metrics. */

let world: World;
let service: Service;

beforeAll(async () => {
  world = await World.start();
  const config = parseConfig({
    DATABASE_URL: world.server.serviceUrls.settlement,
    NETWORKS: world.networksText(),
    RELAYER_PRIVATE_KEYS: world.anvil.accounts[0]?.privateKey ?? '',
    PORT: '0',
    LOG_LEVEL: 'silent',
  });
  service = await startService(
    config,
    createLogger({ service: 'settlement', level: config.logLevel }),
    () => undefined,
  );
}, 120_000);
afterAll(async () => {
  await service?.close();
  await world?.stop();
});

async function page(): Promise<string> {
  const answer = await fetch(`${service.url}/metrics`);
  expect(answer.status).toBe(200);
  return answer.text();
}

/** The value of the sample whose labels include these, undefined when it is not shown. */
async function sample(name: string, ...labels: string[]): Promise<number | undefined> {
  const line = (await page())
    .split('\n')
    .find((each) => each.startsWith(`${name}{`) && labels.every((label) => each.includes(label)));
  return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ') + 1));
}

const names = [
  'quittance_attempts_total',
  'quittance_batch_payments',
  'quittance_block_lag',
  'quittance_chain_suspended',
  'quittance_confirm_seconds',
  'quittance_final_block',
  'quittance_gas_per_payment',
  'quittance_gas_price_wei',
  'quittance_head',
  'quittance_metrics_faults_total',
  'quittance_outstanding_batches',
  'quittance_queue_age_seconds',
  'quittance_queue_payments',
  'quittance_relayer_balance_wei',
  'quittance_relayer_hours_left',
  'quittance_reorgs_total',
  'quittance_replacements_stuck_total',
  'quittance_replacements_total',
  'quittance_rpc_endpoint_healthy',
];

describe('GET /metrics of the settlement service', () => {
  it('names every figure from the start', async () => {
    const declared = [...(await page()).matchAll(/^# TYPE (quittance_\S+) /gm)].map(([, name]) => name);
    expect(declared.sort()).toEqual(names);
  });

  it('shows what a payment went through', async () => {
    const accepted = await world.accept();
    await world.setAutomine(false);
    await world.take(accepted);
    await until(async () => (await sample('quittance_outstanding_batches')) === 1, { what: page });
    expect(await sample('quittance_batch_payments_count')).toBe(1);
    expect(await sample('quittance_queue_payments')).toBe(0);
    await world.setAutomine(true);
    await world.mine();
    await until(async () => (await sample('quittance_attempts_total', 'outcome="landed"')) === 1, {
      what: page,
    });
    expect(await sample('quittance_confirm_seconds_count')).toBe(1);
    expect(await sample('quittance_gas_per_payment_count')).toBe(1);
    expect(await sample('quittance_gas_per_payment_sum')).toBeGreaterThan(21_000);
    await until(async () => (await sample('quittance_outstanding_batches')) === 0, { what: page });
    await until(async () => (await sample('quittance_block_lag')) === 0, { what: page });
  });

  it('shows how the chain and who pays for gas there stand', async () => {
    const relayer = `relayer="${world.account(0).address.toLowerCase()}"`;
    await until(async () => ((await sample('quittance_relayer_balance_wei', relayer)) ?? 0) > 1e21, {
      what: page,
    });
    expect(await sample('quittance_head', `chain="${world.network.chainId}"`)).toBeGreaterThan(0);
    expect(await sample('quittance_gas_price_wei')).toBeGreaterThan(0);
    expect(await sample('quittance_chain_suspended')).toBe(0);
    expect(await sample('quittance_rpc_endpoint_healthy', 'endpoint="0"')).toBe(1);
    expect(await sample('quittance_metrics_faults_total', 'metric="quittance_queue_payments"')).toBe(0);
  });

  it('shows the age of what waits, and has the rest of the page while the database is away', async () => {
    await world.database.sql(
      `INSERT INTO settlement.payment (payment_id, chain_id, asset, payer, pay_to, amount, valid_after, valid_before, nonce,
                                       signature, last_event_id, accepted_at, created_at, retry_at)
       SELECT gen_random_uuid(), 'eip155:84532', '0x' || repeat('a', 40), '0x' || repeat('b', 40), '0x' || repeat('c', 40),
              1, 0, 99999999999, '0x' || repeat('d', 64), '0x' || repeat('5e', 65), gen_random_uuid(), now(), now() - interval '90 s', now() + interval '1 h'`,
    );
    expect(await sample('quittance_queue_payments')).toBe(1);
    const age = await sample('quittance_queue_age_seconds');
    expect(age).toBeGreaterThanOrEqual(90);
    expect(age).toBeLessThan(600);
    await world.server.stopServer();
    expect(await sample('quittance_queue_payments')).toBeUndefined();
    expect(await sample('quittance_head')).toBeGreaterThan(0);
    expect(
      await sample('quittance_metrics_faults_total', 'metric="quittance_queue_payments"'),
    ).toBeGreaterThan(0);
    await world.server.startServer();
    await until(async () => (await sample('quittance_queue_payments')) === 1, { what: page });
  }, 60_000);
});
