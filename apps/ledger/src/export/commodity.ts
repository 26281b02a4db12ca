import { assetParts, parseAssetId } from '@quittance/money';

import type { AssetDirectory } from '../asset/asset-directory.js';

/** An asset as plain-text accounting names it. */
export type Commodity = {
  readonly name: string;
  /** CAIP-19. */
  readonly asset: string;
  /** Decimals; 0 where they are not known, so that amounts are atomic units. */
  readonly scale: number;
};

const symbolLengthMax = 8;
const chainLengthMax = 8;

/**
 * `USDC.8453-A3`: symbol, chain and the asset's own number in these books, which tells apart what is called alike. Capitals,
 * digits, points and hyphens, at most 24: what Beancount takes for a commodity.
 */
export function commodityOf(
  { id, asset }: { readonly id: number; readonly asset: string },
  assets: AssetDirectory,
): Commodity {
  const { symbol, scale } = assets.view(asset);
  const { chainId, namespace } = assetParts(parseAssetId(asset));
  const word = capitals(symbol ?? (namespace === 'slip44' ? 'NATIVE' : 'TOKEN'), symbolLengthMax);
  const chain = capitals(chainId.slice(chainId.indexOf(':') + 1), chainLengthMax);
  return { name: `${/^[A-Z]/.test(word) ? word : `X${word}`}.${chain}-A${id}`, asset, scale: scale ?? 0 };
}

const capitals = (text: string, lengthMax: number): string =>
  text
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]/g, '')
    .slice(0, lengthMax) || 'X';

/** All of its decimals, so that no reader takes an amount for rounded. */
export function fullDecimal(amount: bigint, scale: number): string {
  const digits = (amount < 0n ? -amount : amount).toString().padStart(scale + 1, '0');
  const sign = amount < 0n ? '-' : '';
  const whole = digits.slice(0, digits.length - scale);
  return scale === 0 ? `${sign}${whole}` : `${sign}${whole}.${digits.slice(digits.length - scale)}`;
}
