import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from '@jest/globals';

/** A wrong setting stops the start with a message that names it, and never repeats a secret. */
const key = `0x${'11'.repeat(32)}`;
const keyAddress = '0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a';
const network = {
  chainId: 'eip155:84532',
  rpcUrls: ['http://127.0.0.1:1'],
  assets: [
    {
      address: '0x036CbD53842c5426634e7929541eC2318f3dCF7e',
      symbol: 'USDC',
      decimals: 6,
      name: 'USDC',
      version: '2',
    },
  ],
  relayers: [keyAddress],
};
const good = {
  DATABASE_URL: 'postgresql://quittance_x:pw@127.0.0.1:1/none',
  EVENT_TRANSPORT: 'postgres',
  NETWORKS: JSON.stringify([network]),
  RELAYER_PRIVATE_KEYS: key,
};

function start(
  service: string,
  env: Record<string, string | undefined>,
): { code: number | null; output: string } {
  const main = fileURLToPath(new URL(`../../${service}/dist/main.js`, import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [main], {
    env: { PATH: process.env['PATH'], ...good, ...env },
    encoding: 'utf8',
    timeout: 20_000,
  });
  return { code: status, output: `${stdout}${stderr}` };
}

describe('a start with a wrong setting', () => {
  it.each([
    ['facilitator', 'DATABASE_URL', undefined],
    ['facilitator', 'DATABASE_URL', 'mysql://x'],
    ['facilitator', 'EVENT_TRANSPORT', 'pigeon'],
    ['facilitator', 'NETWORKS', 'not json'],
    ['facilitator', 'NETWORKS[0].rpcUrls[0]', JSON.stringify([{ ...network, rpcUrls: ['ftp://x'] }])],
    [
      'facilitator',
      'NETWORKS[0].assets[0].address',
      JSON.stringify([{ ...network, assets: [{ ...network.assets[0], address: '0x1' }] }]),
    ],
    ['facilitator', 'SETTLE_WAIT_MS', 'soon'],
    ['facilitator', 'PORT', '70000'],
    ['facilitator', 'REASON_VOCABULARY', 'mine'],
    ['settlement', 'RELAYER_PRIVATE_KEYS', '0x1234'],
    ['settlement', 'RELAYER_PRIVATE_KEYS', undefined],
    ['ledger', 'LOG_LEVEL', 'loud'],
    ['ledger', 'PORT', 'x'],
  ] as const)('of the %s service names %s', (service, setting, value) => {
    const name = setting.split(/[[.]/)[0] ?? '';
    const { code, output } = start(service, { [name]: value });
    expect({ code, named: output.includes(setting) ? setting : output }).toEqual({
      code: expect.any(Number),
      named: setting,
    });
    expect(code).toBeGreaterThan(0);
  });

  it('that needs another names both: Kafka without brokers', () => {
    const { code, output } = start('ledger', { EVENT_TRANSPORT: 'kafka' });
    expect(code).toBeGreaterThan(0);
    expect(output).toContain('KAFKA_BROKERS');
  });

  it('never repeats a key, even a wrong one', () => {
    const wrong = `0x${'zz'.repeat(32)}`;
    expect(start('settlement', { RELAYER_PRIVATE_KEYS: wrong }).output).not.toContain('zzzz');
    const unlisted = start('settlement', { RELAYER_PRIVATE_KEYS: `0x${'22'.repeat(32)}` });
    expect(unlisted.code).toBeGreaterThan(0);
    expect(unlisted.output).toContain('NETWORKS');
    expect(unlisted.output).not.toContain('2222222222');
  });
});
