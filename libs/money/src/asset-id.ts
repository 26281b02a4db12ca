import { type ChainId, parseChainId } from './chain-id.js';
import { MoneyError } from './money-error.js';

declare const brand: unique symbol;

/**
 * An asset by its CAIP-19 name: `eip155:8453/erc20:0x8335…2913`, `eip155:8453/slip44:60`.
 * EVM addresses in it are lower case, so that equal assets are equal strings.
 */
export type AssetId = string & { readonly [brand]: 'AssetId' };

export type AssetParts = {
  readonly chainId: ChainId;
  readonly namespace: string;
  readonly reference: string;
};

/** CAIP-19: a CAIP-2 chain, then a namespace of 3 to 8 characters and a reference of 1 to 128. */
export const assetIdPattern = /^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}\/[-a-z0-9]{3,8}:[-.%a-zA-Z0-9]{1,128}$/;

/**
 * Reads a CAIP-19 asset id.
 *
 * @throws MoneyError `asset_id_malformed`.
 */
export function parseAssetId(text: string): AssetId {
  if (!assetIdPattern.test(text)) {
    throw new MoneyError(
      'asset_id_malformed',
      `An asset is named by CAIP-19, like "eip155:8453/erc20:0x…"; got "${text.slice(0, 200)}".`,
    );
  }
  const [chain, asset] = text.split('/') as [string, string];
  return (asset.startsWith('erc20:') ? `${chain}/${asset.toLowerCase()}` : text) as AssetId;
}

/** The CAIP-19 id of an ERC-20 token. */
export function erc20AssetId(chainId: ChainId, address: string): AssetId {
  return parseAssetId(`${chainId}/erc20:${address}`);
}

/** The CAIP-19 id of an EVM chain's native coin, by the SLIP-44 number of Ether (60), which EVM chains share. */
export function evmNativeAssetId(chainId: ChainId): AssetId {
  return parseAssetId(`${chainId}/slip44:60`);
}

/** Takes an asset id apart. */
export function assetParts(assetId: AssetId): AssetParts {
  const slash = assetId.indexOf('/');
  const colon = assetId.indexOf(':', slash);
  return {
    chainId: parseChainId(assetId.slice(0, slash)),
    namespace: assetId.slice(slash + 1, colon),
    reference: assetId.slice(colon + 1),
  };
}
