import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';

import { networksSchema, networkSettings } from './network.js';

const usdc = {
  address: '0x036CbD53842c5426634e7929541eC2318f3dCF7e',
  symbol: 'USDC',
  decimals: 6,
  name: 'USDC',
  version: '2',
};
const base = {
  chainId: 'eip155:84532',
  rpcUrls: ['https://rpc.example/secret-key'],
  assets: [usdc],
  relayers: ['0xF39Fd6e51aad88F6F4ce6aB8827279cffFb92266'],
};

function problemsOf(networks: unknown): string[] {
  const text = typeof networks === 'string' ? networks : JSON.stringify(networks);
  const parsed = z.object({ NETWORKS: networksSchema }).safeParse({ NETWORKS: text });
  return (parsed.error?.issues ?? []).map(({ path, message }) => `${z.core.toDotPath(path)} ${message}`);
}

describe('The setting NETWORKS', () => {
  it('is a list of chains, with addresses in lower case and defaults filled in', () => {
    expect(networksSchema.parse(JSON.stringify([base]))).toEqual([
      {
        ...base,
        assets: [{ ...usdc, address: '0x036cbd53842c5426634e7929541ec2318f3dcf7e' }],
        relayers: ['0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266'],
        factories: [],
        confirmations: 1,
        pollIntervalMs: 1_000,
        gasPriceMaxWei: 500_000_000_000n,
        replaceAfterBlocks: 3,
        finality: 'finalized',
        relayerBalanceMinWei: 1_000_000_000_000_000n,
        approvalGasMaxWei: 1_000_000_000_000_000n,
      },
    ]);
  });

  it('takes several endpoints, a socket, prices in digits and a finality by number', () => {
    const given = {
      ...base,
      rpcUrls: ['https://a.example', 'http://b.example'],
      wsUrl: 'wss://a.example/secret-key',
      replaceAfterBlocks: 7,
      finality: 64,
    };
    const text = JSON.stringify([{ ...given, gasPriceMaxWei: '1', relayerBalanceMinWei: '0' }]);
    const { rpcUrls, wsUrl, replaceAfterBlocks, finality } = given;
    expect(networksSchema.parse(text)).toMatchObject([
      { rpcUrls, wsUrl, replaceAfterBlocks, finality, gasPriceMaxWei: 1n, relayerBalanceMinWei: 0n },
    ]);
  });

  it.each([
    ['text that is no JSON', 'eip155:84532', 'NETWORKS must be JSON text'],
    ['no list', {}, 'NETWORKS must be a list'],
    ['no list, with a hostile length', { length: { toString: '' } }, 'NETWORKS must be a list'],
    ['an empty list', [], 'NETWORKS must name at least one network'],
    [
      'more than fifty',
      Array.from({ length: 51 }, (_, index) => ({ ...base, chainId: `eip155:${index + 1}` })),
      'at most 50',
    ],
    ['a number for a network', [7], 'NETWORKS[0] must be an object of chainId'],
    ['an unknown field', [{ ...base, rpc: 'x' }], 'NETWORKS[0] has fields that are not known: "rpc"'],
    [
      'another kind of chain',
      [{ ...base, chainId: 'solana:main' }],
      'NETWORKS[0].chainId must be an EVM chain',
    ],
    [
      'a chain number that is none',
      [{ ...base, chainId: 'eip155:0' }],
      'NETWORKS[0].chainId must be an EVM chain',
    ],
    [
      'a factory that is no address',
      [{ ...base, factories: ['0x12'] }],
      'NETWORKS[0].factories[0] must be an EVM address',
    ],
    [
      'a factory twice',
      [{ ...base, factories: [usdc.address, usdc.address.toLowerCase()] }],
      'NETWORKS[0].factories[1] 0x036cbd53842c5426634e7929541ec2318f3dcf7e is named twice',
    ],
    ['missing URLs', [{ ...base, rpcUrls: undefined }], 'NETWORKS[0].rpcUrls must be a list of http'],
    ['no URLs', [{ ...base, rpcUrls: [] }], 'NETWORKS[0].rpcUrls must name at least one'],
    [
      'eleven URLs',
      [{ ...base, rpcUrls: Array.from({ length: 11 }, (_, index) => `http://node${index}`) }],
      'NETWORKS[0].rpcUrls must name at most 10',
    ],
    [
      'a URL twice',
      [{ ...base, rpcUrls: ['https://x/secret-key', 'https://X:443/secret-key'] }],
      'NETWORKS[0].rpcUrls[1] this URL is named twice',
    ],
    [
      'a URL of another kind',
      [{ ...base, rpcUrls: ['ws://x'] }],
      'NETWORKS[0].rpcUrls[0] must be an http or https URL',
    ],
    [
      'a URL with a password, which fetch refuses and quotes',
      [{ ...base, rpcUrls: ['https://user:secret@node.example'] }],
      'NETWORKS[0].rpcUrls[0] must be an http or https URL, without user and password in it',
    ],
    [
      'a socket of another kind',
      [{ ...base, wsUrl: 'https://x' }],
      'NETWORKS[0].wsUrl must be a ws or wss URL',
    ],
    ['a gas price of 0', [{ ...base, gasPriceMaxWei: '0' }], 'NETWORKS[0].gasPriceMaxWei must be wei'],
    ['a gas price as a number', [{ ...base, gasPriceMaxWei: 7 }], 'NETWORKS[0].gasPriceMaxWei must be wei'],
    [
      'a balance with a unit',
      [{ ...base, relayerBalanceMinWei: '1 ether' }],
      'NETWORKS[0].relayerBalanceMinWei must be wei',
    ],
    [
      'more gas for an approval than the database gives anybody',
      [{ ...base, approvalGasMaxWei: '100000000000000001' }],
      'NETWORKS[0].approvalGasMaxWei must be wei',
    ],
    [
      'a replacement after no block',
      [{ ...base, replaceAfterBlocks: 0 }],
      'NETWORKS[0].replaceAfterBlocks must be a whole number from 1',
    ],
    ['another finality', [{ ...base, finality: 'latest' }], 'NETWORKS[0].finality must be "finalized"'],
    ['a finality below 0', [{ ...base, finality: -1 }], 'NETWORKS[0].finality must be '],
    ['no assets', [{ ...base, assets: [] }], 'NETWORKS[0].assets must name at least one'],
    [
      'an asset without version',
      [{ ...base, assets: [{ ...usdc, version: undefined }] }],
      'NETWORKS[0].assets[0].version',
    ],
    [
      'half a decimal',
      [{ ...base, assets: [{ ...usdc, decimals: 6.5 }] }],
      'NETWORKS[0].assets[0].decimals must be a whole',
    ],
    ['no relayers', [{ ...base, relayers: [] }], 'NETWORKS[0].relayers must name at least one'],
    [
      'a relayer that is no address',
      [{ ...base, relayers: ['0x1'] }],
      'NETWORKS[0].relayers[0] must be an EVM address',
    ],
    [
      'no confirmations',
      [{ ...base, confirmations: 0 }],
      'NETWORKS[0].confirmations must be a whole number from 1',
    ],
    ['a chain twice', [base, base], 'NETWORKS[1].chainId eip155:84532 is named twice'],
    [
      'an asset twice in two spellings',
      [{ ...base, assets: [usdc, { ...usdc, address: usdc.address.toLowerCase() }] }],
      'NETWORKS[0].assets[1].address 0x036cbd53842c5426634e7929541ec2318f3dcf7e is named twice',
    ],
  ])('is refused with %s', (_what, networks, problem) => {
    expect(problemsOf(networks)).toEqual([expect.stringContaining(problem)]);
  });

  it('names every mistake in one go', () => {
    expect(problemsOf([{ ...base, rpcUrls: ['x'], confirmations: 0 }])).toHaveLength(2);
  });

  it('never repeats a URL, which may hold a key', () => {
    for (const networks of [
      [{ ...base, rpcUrls: ['htp://node/secret-key'] }],
      `${JSON.stringify([base])}]`,
    ]) {
      const problems = problemsOf(networks);
      expect(problems).toHaveLength(1);
      expect(problems.join()).not.toContain('secret-key');
    }
  });

  it('is described field by field, with what each is when it is left out', () => {
    const defaults = Object.fromEntries(networkSettings.map(({ name, ...rest }) => [name, rest.default]));
    expect(defaults).toMatchObject({
      'NETWORKS[].rpcUrls': undefined,
      'NETWORKS[].wsUrl': '',
      'NETWORKS[].gasPriceMaxWei': '500000000000',
      'NETWORKS[].finality': 'finalized',
    });
    for (const { description } of networkSettings) expect(description).not.toBe('');
  });
});
