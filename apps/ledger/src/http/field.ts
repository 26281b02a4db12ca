import { assetIdPattern, parseAssetId } from '@quittance/money';
import { z } from 'zod';

import { layers } from '../posting/line.js';

/** Parameters and fields that several answers share. A cursor carries them too, and may hold anything: see `shortText`. */

const codeLengthMax = 160;

/** Measured only once it is a text: zod's own bound measures whatever claims a `length`, and throws on a hostile one. */
const shortText = z
  .string()
  .refine((text) => text.length <= codeLengthMax, `must have at most ${codeLengthMax} characters`)
  .meta({ maxLength: codeLengthMax });

/** Wallets and explorers write an address in mixed case; the books have it in lower case. */
export const withPlainAddress = (code: string): string =>
  code.replace(/:0x[0-9a-f]*/gi, (address) => address.toLowerCase());

export const accountCodeParameter = shortText
  .regex(/^[FG]:[-:_a-zA-Z0-9]+$/, 'must be an account code, like "F:transit:eip155:8453"')
  .transform(withPlainAddress)
  .describe('Account code, like `F:merchant:eip155:8453:0x…`. GET /accounts lists those there are.');

export const accountPrefixParameter = shortText
  .regex(/^[FG](:[-:_a-zA-Z0-9]*)?$/, 'must be the beginning of an account code, like "F:merchant:"')
  .transform(withPlainAddress)
  .describe('How the account codes begin, like `F:merchant:`.');

export const assetParameter = shortText
  .regex(assetIdPattern, 'must be a CAIP-19 asset id, like "eip155:8453/erc20:0x…"')
  .transform(parseAssetId)
  .describe('CAIP-19 asset id.');

export const layerParameter = z
  .enum(layers, `must be one of ${layers.join(', ')}`)
  .describe('encumbered: reserved; inflight: submitted; settled: done.');

export const paymentIdParameter = z
  .uuid('must be a payment id, which is a UUID; GET /transactions?chain_transaction=0x… finds it by its hash')
  .toLowerCase()
  .describe('Payment id.');

export const chainTransactionParameter = z
  .string()
  .regex(/^0x[0-9a-fA-F]{64}$/, 'must be a transaction hash, 0x and 64 hexadecimal digits')
  .toLowerCase()
  .describe('Hash of the transaction on chain.');

export const layerField = z.enum(layers);
export const bookField = z
  .enum(['F', 'G'])
  .describe('F: what the facilitator moved and never owned. G: its own wallets and costs.');
export const amountField = z.string().regex(/^-?(0|[1-9][0-9]*)$/);
export const timeField = z.iso.datetime();
export const hashField = z.string().regex(/^0x[0-9a-f]{64}$/);
