import { inspect } from 'node:util';

import { describe, expect, it } from '@jest/globals';
import { ConfigError } from '@quittance/observability';

import { parseConfig, settings } from './config.js';

const key = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80';
const address = '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266';
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
  relayers: [address],
};
const env = {
  DATABASE_URL: 'postgresql://quittance_settlement@127.0.0.1/quittance',
  NETWORKS: JSON.stringify([network]),
  RELAYER_PRIVATE_KEYS: key,
};

const manyKeys = (count: number) =>
  Array.from({ length: count }, (_, index) => `0x${(index + 1).toString(16).padStart(64, '0')}`).join(',');

function problemsOf(over: Record<string, string | undefined>): string {
  try {
    parseConfig({ ...env, ...over });
    return '';
  } catch (error) {
    return error instanceof ConfigError ? error.message : `not a ConfigError: ${String(error)}`;
  }
}

describe('the settings', () => {
  it('have defaults for all that need not be chosen', () => {
    expect(parseConfig(env)).toMatchObject({
      host: '127.0.0.1',
      port: 4021,
      logLevel: 'info',
      transport: { kind: 'postgres' },
      relayers: [{ address }],
    });
  });

  it.each([
    ['DATABASE_URL', { DATABASE_URL: undefined }],
    ['DATABASE_URL', { DATABASE_URL: 'mysql://x' }],
    ['NETWORKS', { NETWORKS: undefined }],
    ['NETWORKS', { NETWORKS: '[]' }],
    ['NETWORKS[0].rpcUrls[0]', { NETWORKS: JSON.stringify([{ ...network, rpcUrls: ['ftp://x'] }]) }],
    ['RELAYER_PRIVATE_KEYS', { RELAYER_PRIVATE_KEYS: undefined }],
    ['RELAYER_PRIVATE_KEYS', { RELAYER_PRIVATE_KEYS: key.slice(2) }],
    ['RELAYER_PRIVATE_KEYS', { RELAYER_PRIVATE_KEYS: `0x${'0'.repeat(64)}` }],
    ['RELAYER_PRIVATE_KEYS', { RELAYER_PRIVATE_KEYS: `0x${'f'.repeat(64)}` }],
    ['RELAYER_PRIVATE_KEYS', { RELAYER_PRIVATE_KEYS: `${key},` }],
    ['RELAYER_PRIVATE_KEYS', { RELAYER_PRIVATE_KEYS: `${key},${key}` }],
    ['RELAYER_PRIVATE_KEYS', { RELAYER_PRIVATE_KEYS: manyKeys(101) }],
    ['PORT', { PORT: 'many' }],
    ['LOG_LEVEL', { LOG_LEVEL: 'loud' }],
    ['EVENT_TRANSPORT', { EVENT_TRANSPORT: 'pigeon' }],
    ['KAFKA_BROKERS', { EVENT_TRANSPORT: 'kafka' }],
  ])('that are wrong are named: %s', (name, over) => {
    expect(problemsOf(over)).toContain(`- ${name}`);
  });

  it('are all complained about at once', () => {
    const problems = problemsOf({ DATABASE_URL: undefined, PORT: '-1', RELAYER_PRIVATE_KEYS: 'x' });
    for (const name of ['DATABASE_URL', 'PORT', 'RELAYER_PRIVATE_KEYS'])
      expect(problems).toContain(`- ${name}`);
  });

  it('are refused when the key is not of an account that NETWORKS lists, and the account is named', () => {
    const other = JSON.stringify([
      network,
      { ...network, chainId: 'eip155:1', relayers: [`0x${'11'.repeat(20)}`] },
    ]);
    expect(problemsOf({ NETWORKS: other })).toMatch(new RegExp(`${address}.*relayers.*eip155:1`));
  });

  it('take several keys, and ask for one of them on each chain', () => {
    const keys = `${key}, ${manyKeys(2)}`;
    expect(parseConfig({ ...env, RELAYER_PRIVATE_KEYS: keys }).relayers).toHaveLength(3);
    const problems = problemsOf({ RELAYER_PRIVATE_KEYS: manyKeys(2) });
    expect(problems).toMatch(/none of the accounts of RELAYER_PRIVATE_KEYS.*eip155:84532.*0x[0-9a-f]{40}/);
  });

  it('never show the key', () => {
    const secret = key.slice(2, 20);
    expect(inspect(parseConfig(env), { depth: 10, showHidden: true })).not.toContain(secret);
    const shown = JSON.stringify(parseConfig(env), (_, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    );
    expect(shown).not.toContain(secret);
    expect(problemsOf({ RELAYER_PRIVATE_KEYS: `${key}00` })).not.toContain(secret);
    expect(
      problemsOf({ NETWORKS: JSON.stringify([{ ...network, relayers: [`0x${'11'.repeat(20)}`] }]) }),
    ).not.toContain(secret);
  });

  it('are each described, with the default where there is one', () => {
    expect(settings.filter(({ description }) => description === '')).toEqual([]);
    expect(settings.filter((setting) => setting.default === undefined).map(({ name }) => name)).toEqual([
      'DATABASE_URL',
      'NETWORKS',
      'RELAYER_PRIVATE_KEYS',
    ]);
  });
});
