import { type ChainId, parseChainId } from '@quittance/money';

/** A network in x402 v2: CAIP-2. Unbranded, since it is what the wire carries. */
export type NetworkV2 = `${string}:${string}`;

/** The names of x402 v1 and the chains they stand for, as the reference clients know them. */
const chainIdByName: ReadonlyMap<string, ChainId> = new Map(
  [
    ['ethereum', 'eip155:1'],
    ['sepolia', 'eip155:11155111'],
    ['abstract', 'eip155:2741'],
    ['abstract-testnet', 'eip155:11124'],
    ['base-sepolia', 'eip155:84532'],
    ['base', 'eip155:8453'],
    ['avalanche-fuji', 'eip155:43113'],
    ['avalanche', 'eip155:43114'],
    ['iotex', 'eip155:4689'],
    ['sei', 'eip155:1329'],
    ['sei-testnet', 'eip155:1328'],
    ['polygon', 'eip155:137'],
    ['polygon-amoy', 'eip155:80002'],
    ['peaq', 'eip155:3338'],
    ['story', 'eip155:1514'],
    ['educhain', 'eip155:41923'],
    ['skale-base-sepolia', 'eip155:324705682'],
    ['megaeth', 'eip155:4326'],
    ['monad', 'eip155:143'],
    ['stable', 'eip155:988'],
    ['stable-testnet', 'eip155:2201'],
    ['celo', 'eip155:42220'],
    ['flare', 'eip155:14'],
    ['solana', 'solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp'],
    ['solana-devnet', 'solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1'],
    ['solana-testnet', 'solana:4uhcVJyU9pJkvQyS88uRDiswHXSCkY3z'],
  ].map(([name, chainId]) => [name ?? '', parseChainId(chainId ?? '')]),
);

const nameByChainId: ReadonlyMap<ChainId, string> = new Map(
  [...chainIdByName].map(([name, chainId]) => [chainId, name]),
);

/** Every x402 v1 network name, in the table's order. */
export const networkNames: readonly string[] = [...chainIdByName.keys()];

/** The chain that an x402 v1 network name stands for (x402 v1 specification, "Network identifiers"). */
export function networkNameToChainId(name: string): ChainId | undefined {
  return chainIdByName.get(name);
}

/** The x402 v1 name of a chain; most chains have none and can only be paid on in v2. */
export function chainIdToNetworkName(chainId: string): string | undefined {
  return nameByChainId.get(chainId as ChainId);
}
