import {
  type AssetId,
  assetIdPattern,
  assetParts,
  chainIdPattern,
  erc20AssetId,
  type ChainId,
  parseAssetId,
} from '@quittance/money';
import { z } from 'zod';

export type AssetDescription = { readonly id: AssetId; readonly symbol: string; readonly scale: number };

/** Of the networks only what names their assets is read here: the ledger asks no chain anything. */
const networks = z
  .array(
    z.object({
      chainId: z
        .string()
        .regex(chainIdPattern, 'must be a CAIP-2 chain id')
        .transform((text) => text as ChainId),
      assets: z.array(
        z.object({
          address: z.string().regex(/^0x[0-9a-fA-F]{40}$/, 'must be an EVM address'),
          symbol: z.string().regex(/^.{1,32}$/su, 'must be a text of 1 to 32 characters'),
          decimals: z.int().min(0).max(77),
        }),
      ),
    }),
  )
  .transform((list) =>
    list.flatMap(({ chainId, assets }) =>
      assets.map(({ address, symbol, decimals }): AssetDescription => ({
        id: erc20AssetId(chainId, address),
        symbol,
        scale: decimals,
      })),
    ),
  );

/** Reads the assets out of the NETWORKS setting. */
export const assetDescriptionsSchema = z
  .string()
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue({ code: 'custom', message: 'must be JSON: a list of networks' });
      return z.NEVER;
    }
  })
  .pipe(networks);

/** An asset in an answer: amounts are whole numbers of units of 10^-scale. */
export const assetSchema = z
  .strictObject({
    id: z.string().describe('CAIP-19 asset id.'),
    symbol: z.string().nullable().describe('For display only; null where it is not configured.'),
    scale: z
      .int()
      .nullable()
      .describe('Decimals: 1 unit of the asset is 10^scale of an amount. Null where it is not configured.'),
  })
  .meta({ id: 'Asset' });

export type AssetView = z.output<typeof assetSchema>;

const nativeScale = 18;

/** Names and scales of assets. */
export class AssetDirectory {
  private readonly known: ReadonlyMap<string, AssetDescription>;

  constructor(assets: readonly AssetDescription[]) {
    this.known = new Map(assets.map((asset) => [asset.id, asset]));
  }

  view(id: string): AssetView {
    const known = this.known.get(id);
    if (known !== undefined) return { id, symbol: known.symbol, scale: known.scale };
    return { id, symbol: null, scale: isEvmNative(id) ? nativeScale : null };
  }
}

function isEvmNative(id: string): boolean {
  return (
    assetIdPattern.test(id) && assetParts(parseAssetId(id)).namespace === 'slip44' && id.startsWith('eip155:')
  );
}
