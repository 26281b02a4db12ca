import { describe, expect, it } from '@jest/globals';
import { ConfigError } from '@quittance/observability';

import { parseConfig, settings } from './config.js';
import { noFees } from './merchant/tariff.js';

const DATABASE_URL = 'postgresql://quittance_ledger:secret@localhost/quittance';

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    parseConfig(env);
    return [];
  } catch (error) {
    return error instanceof ConfigError ? error.problems : [String(error)];
  }
}

describe('the settings', () => {
  it('need a database and nothing else', () => {
    expect(parseConfig({ DATABASE_URL })).toEqual({
      databaseUrl: DATABASE_URL,
      transport: { kind: 'postgres' },
      assets: [],
      accessTokens: null,
      checkpointSeconds: 10,
      reconciliation: null,
      signer: null,
      tariff: noFees,
      host: '127.0.0.1',
      port: 4022,
      logLevel: 'info',
    });
  });

  it('take names and scales of assets from NETWORKS as the other services have it', () => {
    const assets = [
      { address: `0x${'A'.repeat(40)}`, symbol: 'USDC', decimals: 6, name: 'USD Coin', version: '2' },
    ];
    const networks = [{ chainId: 'eip155:8453', rpcUrls: ['http://node'], relayers: [], assets }];
    const config = parseConfig({ DATABASE_URL, NETWORKS: JSON.stringify(networks) });
    expect(config.assets).toEqual([
      { id: `eip155:8453/erc20:0x${'a'.repeat(40)}`, symbol: 'USDC', scale: 6 },
    ]);
  });

  it('compare nothing with a chain unless told, and then need the networks whole', () => {
    const assets = [
      { address: `0x${'a'.repeat(40)}`, symbol: 'USDC', decimals: 6, name: 'USD Coin', version: '2' },
    ];
    const relayers = [`0x${'b'.repeat(40)}`];
    const network = { chainId: 'eip155:8453', rpcUrls: ['http://node'], assets };
    const env = (networks: unknown) => ({
      DATABASE_URL,
      RECONCILE: 'follow',
      NETWORKS: JSON.stringify(networks),
      TREASURIES: JSON.stringify({ 'eip155:8453': [`0x${'C'.repeat(40)}`] }),
    });
    expect(parseConfig(env([{ ...network, relayers }])).reconciliation).toMatchObject({
      mode: 'follow',
      networks: [{ chainId: 'eip155:8453', relayers }],
      treasuries: { 'eip155:8453': [`0x${'c'.repeat(40)}`] },
    });
    expect(problemsOf(env([network]))).toEqual([expect.stringMatching(/NETWORKS: 0\.relayers .*RECONCILE/)]);
    expect(problemsOf({ DATABASE_URL, RECONCILE: 'demand' })).toEqual([
      expect.stringMatching(/^NETWORKS is not set/),
    ]);
    expect(problemsOf({ DATABASE_URL, TREASURIES: '{"base":[]}' })).toEqual([
      expect.stringMatching(/^TREASURIES.*CAIP-2/),
    ]);
  });

  it.each([
    [{}, [/^DATABASE_URL is not set/]],
    [{ DATABASE_URL: 'mysql://x' }, [/^DATABASE_URL: must be a postgresql/]],
    [{ DATABASE_URL, PORT: '70000', LOG_LEVEL: 'loud' }, [/^PORT: /, /^LOG_LEVEL: /]],
    [{ DATABASE_URL, EVENT_TRANSPORT: 'kafka' }, [/^KAFKA_BROKERS/]],
    [{ DATABASE_URL, NETWORKS: '{' }, [/^NETWORKS: must be JSON/]],
    [
      { DATABASE_URL, NETWORKS: '[{"chainId":"base","assets":[]}]' },
      [/^NETWORKS\[0\]\.chainId: must be a CAIP-2/],
    ],
  ])('are refused by name: %j', (env, expected) => {
    const problems = problemsOf(env as Record<string, string>);
    expect(problems).toEqual(expected.map((pattern) => expect.stringMatching(pattern)));
  });

  it('never show a value in what is refused', () => {
    expect(problemsOf({ DATABASE_URL: 'mysql://u:hunter2@h' }).join()).not.toContain('hunter2');
  });

  it('are described, each with its default', () => {
    expect(settings.find(({ name }) => name === 'PORT')).toEqual({
      name: 'PORT',
      default: 4022,
      description: expect.any(String),
    });
    expect(settings.every(({ description }) => description.length > 0)).toBe(true);
  });
});
