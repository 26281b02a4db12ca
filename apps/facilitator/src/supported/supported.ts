import { exactScheme } from '@quittance/exact-evm';
import type { ChainId } from '@quittance/money';
import { supportedAnswer, type SupportedResponse } from '@quittance/protocol';

/** A configured network, as far as callers may know of it. */
export type SupportedNetwork = { readonly chainId: ChainId; readonly relayers: readonly string[] };

/** What we settle, where, and who pays the gas: in v2 terms, and in v1's where that has a name for the chain. */
export function supported(networks: readonly SupportedNetwork[]): SupportedResponse {
  return supportedAnswer({
    kinds: networks.map(({ chainId }) => ({ scheme: exactScheme, network: chainId })),
    signers: { 'eip155:*': [...new Set(networks.flatMap(({ relayers }) => relayers))] },
  });
}
