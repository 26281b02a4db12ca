import { describe, expect, it } from '@jest/globals';
import { ConfigError } from '@quittance/observability';

import { parseConfig, settings } from './config.js';

const network = {
  chainId: 'eip155:84532',
  rpcUrls: ['http://127.0.0.1:8545'],
  assets: [
    {
      address: '0x036CbD53842c5426634e7929541eC2318f3dCF7e',
      symbol: 'USDC',
      decimals: 6,
      name: 'USDC',
      version: '2',
    },
  ],
  relayers: ['0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'],
};
const env = {
  DATABASE_URL: 'postgresql://quittance_facilitator:hunter2@db/q',
  NETWORKS: JSON.stringify([network]),
};

function problemsOf(changes: Record<string, string | undefined>): readonly string[] {
  try {
    parseConfig({ ...env, ...changes });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

describe('the settings', () => {
  it('have defaults for all but the database and the networks', () => {
    expect(parseConfig(env)).toMatchObject({
      port: 4020,
      host: '127.0.0.1',
      settleWaitMs: 20_000,
      queueMax: 5_000,
      bodyLimitBytes: 131_072,
      reasonVocabulary: 'specification',
      transport: { kind: 'postgres' },
      logLevel: 'info',
    });
    expect(settings.filter((setting) => !('default' in setting)).map(({ name }) => name)).toEqual([
      'DATABASE_URL',
      'NETWORKS',
    ]);
    expect(settings.every(({ description }) => description.length > 10)).toBe(true);
  });

  it.each([
    [{ DATABASE_URL: undefined }, /^DATABASE_URL is not set: it must be a postgresql:/],
    [{ DATABASE_URL: 'mysql://x' }, /^DATABASE_URL: must be a postgresql:/],
    [{ NETWORKS: undefined }, /^NETWORKS/],
    [{ NETWORKS: '[' }, /^NETWORKS/],
    [{ NETWORKS: JSON.stringify([{ ...network, rpcUrls: ['nowhere'] }]) }, /^NETWORKS\[0\]\.rpcUrls/],
    [{ PORT: '70000' }, /^PORT: must be a whole number from 0 to 65535/],
    [{ PORT: '4e3' }, /^PORT/],
    [{ SETTLE_WAIT_MS: '90000' }, /^SETTLE_WAIT_MS/],
    [{ SETTLE_WAIT_MS: '-1' }, /^SETTLE_WAIT_MS/],
    [{ QUEUE_MAX: '0' }, /^QUEUE_MAX: must be a whole number from 1 to 1000000/],
    [{ QUEUE_MAX: '1000001' }, /^QUEUE_MAX/],
    [{ REASON_VOCABULARY: 'latin' }, /^REASON_VOCABULARY: must be "specification" or "reference"/],
    [{ BODY_LIMIT_BYTES: '1' }, /^BODY_LIMIT_BYTES/],
    [{ LOG_LEVEL: 'loud' }, /^LOG_LEVEL/],
    [{ EVENT_TRANSPORT: 'kafka' }, /KAFKA_BROKERS/],
  ])('are refused by name: %j', (changes, expected) => {
    const problems = problemsOf(changes);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(expected);
  });

  it('are refused all at once, and never quoted', () => {
    const problems = problemsOf({ PORT: 'x', LOG_LEVEL: 'y', DATABASE_URL: 'mysql://hunter2@db' });
    expect(problems).toHaveLength(3);
    expect(problems.join()).not.toContain('hunter2');
  });
});
