import { describe, expect, it } from '@jest/globals';

import { commandLineOptions, parseConfig, settings, usage } from './config.js';

describe('parseConfig', () => {
  it('runs on the usual ports, in the default folder, until it is stopped', () => {
    expect(parseConfig([], {}, '/data')).toEqual({
      once: false,
      fresh: false,
      dataFolder: '/data',
      ports: { facilitator: 4020, settlement: 4021, ledger: 4022, chain: 8545 },
      ledger: { RECONCILE: 'follow' },
    });
  });

  it('takes arguments and port settings', () => {
    const argv = ['--once', '--fresh', '--data', '/elsewhere'];
    expect(parseConfig(argv, { LEDGER_PORT: '0', CHAIN_PORT: '9545' }, '/data')).toEqual({
      once: true,
      fresh: true,
      dataFolder: '/elsewhere',
      ports: { facilitator: 4020, settlement: 4021, ledger: 0, chain: 9545 },
      ledger: { RECONCILE: 'follow' },
    });
  });

  it('gives the ledger what is set for it, as it is, and nothing else of the environment', () => {
    const env = { MERCHANT_FEES: '[]', TREASURIES: '{"eip155:84532": []}', RECONCILE: 'off', NETWORKS: '[]' };
    expect(parseConfig([], env, '/data').ledger).toEqual({
      MERCHANT_FEES: '[]',
      TREASURIES: '{"eip155:84532": []}',
      RECONCILE: 'off',
    });
  });

  it('names every wrong port setting and says what a port is', () => {
    expect(() => parseConfig([], { LEDGER_PORT: '70000', CHAIN_PORT: 'x' }, '/data')).toThrow(
      'LEDGER_PORT, CHAIN_PORT: must be a port number, 0 to 65535',
    );
  });

  it.each(['', ' ', ' 1', '0x10', '1e3', '-1', '1.5', '65536'])('does not take "%s" for a port', (text) => {
    expect(() => parseConfig([], { CHAIN_PORT: text }, '/data')).toThrow(
      /^CHAIN_PORT: must be a port number/,
    );
  });

  it('does not take an empty text for a folder', () => {
    expect(() => parseConfig(['--fresh', '--data', ''], {}, '/data')).toThrow(/^--data: must be a folder/);
  });

  it('answers an argument it does not know with the ones it does', () => {
    expect(() => parseConfig(['--onze'], {}, '/data')).toThrow(/--onze[^]*Usage: npm start \[-- --once\]/);
  });
});

describe('the documentation', () => {
  it('has every setting with what it is without being set', () => {
    expect(settings.map(({ name, default: value }) => [name, value])).toEqual([
      ['FACILITATOR_PORT', 4020],
      ['SETTLEMENT_PORT', 4021],
      ['LEDGER_PORT', 4022],
      ['CHAIN_PORT', 8545],
      ['RECONCILE', 'follow'],
      ['TREASURIES', null],
      ['MERCHANT_FEES', null],
    ]);
    expect(settings.filter(({ description }) => description === '')).toEqual([]);
  });

  it('has the options of the command line that its usage tells', () => {
    expect(commandLineOptions.map(({ name }) => name)).toEqual(['--once', '--fresh', '--data <folder>']);
    for (const { name } of commandLineOptions) expect(usage).toContain(name);
  });
});
