import { describe, expect, it } from '@jest/globals';
import { EVM_NETWORK_CHAIN_ID_MAP } from '@x402/evm/v1';
import { EvmNetworkToChainId, SupportedSVMNetworks } from 'x402/types';

import { chainIdToNetworkName, networkNames, networkNameToChainId } from './network.js';

describe('the network table', () => {
  it('gives every name its chain and every chain its name', () => {
    for (const name of networkNames) {
      const chainId = networkNameToChainId(name);
      expect(chainId).toMatch(/^(eip155|solana):/);
      expect(chainIdToNetworkName(chainId ?? '')).toBe(name);
    }
    expect(new Set(networkNames.map(networkNameToChainId)).size).toBe(networkNames.length);
  });

  it('agrees with the published v1 implementation on every EVM network', () => {
    const published = Object.entries(EVM_NETWORK_CHAIN_ID_MAP);
    expect(published.length).toBeGreaterThan(20);
    for (const [name, number] of published) {
      expect([name, networkNameToChainId(name)]).toEqual([name, `eip155:${number}`]);
    }
  });

  it('agrees with the legacy client on every network', () => {
    for (const [name, number] of EvmNetworkToChainId)
      expect(networkNameToChainId(name)).toBe(`eip155:${number}`);
    for (const name of SupportedSVMNetworks) expect(networkNameToChainId(name)).toMatch(/^solana:/);
  });

  it.each(['', 'Base', 'eip155:8453', 'constructor', '__proto__', 'base '])(
    'knows no network named %j',
    (name) => {
      expect(networkNameToChainId(name)).toBeUndefined();
    },
  );

  it('has no name for a chain that v1 never had', () => {
    expect(chainIdToNetworkName('eip155:31337')).toBeUndefined();
  });
});
