import {
  type AssetId,
  assetIdPattern,
  atomicAmountMax,
  atomicAmountPattern,
  parseAssetId,
} from '@quittance/money';
import { z } from 'zod';

import { basisPointsMax, type FeeTerms, type MerchantTerms, Tariff } from './tariff.js';

/** Terms, over all merchants: every address is looked up in memory. */
const termsMax = 10_000;
const addressesMax = 1_000;

const address = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/, 'must be an EVM address')
  .toLowerCase();

const fixedParts = z
  .record(z.string(), z.string())
  .transform((parts, context) => {
    const fixed = new Map<AssetId, bigint>();
    for (const [asset, amount] of Object.entries(parts)) {
      if (!assetIdPattern.test(asset))
        context.addIssue({
          code: 'custom',
          path: [asset],
          message: 'must be a CAIP-19 asset id, like "eip155:8453/erc20:0x…"',
        });
      else if (!atomicAmountPattern.test(amount) || BigInt(amount) > atomicAmountMax)
        context.addIssue({
          code: 'custom',
          path: [asset],
          message: 'must be a whole number of units as text, like "1000"',
        });
      else fixed.set(parseAssetId(asset), BigInt(amount));
    }
    return fixed;
  })
  .default(new Map());

const entry = z.strictObject({
  merchant: z
    .string()
    .regex(/^[-a-z0-9]{1,64}$/, 'must be 1 to 64 lower-case letters, digits or hyphens')
    .optional(),
  payTo: z.array(address).min(1).max(addressesMax).optional(),
  from: z.iso
    .datetime('must be a moment in UTC, like "2026-01-01T00:00:00Z"')
    .transform((text) => new Date(text)),
  basisPoints: z.int().min(0).max(basisPointsMax),
  fixed: fixedParts,
});

type Entry = z.output<typeof entry>;

const entries = z
  .array(entry)
  .max(termsMax)
  .transform((list, context) => {
    for (const { path, message } of contradictionsIn(list))
      context.addIssue({ code: 'custom', path: [...path], message });
    return tariffOf(list);
  });

type Contradiction = { readonly path: readonly (string | number)[]; readonly message: string };

function contradictionsIn(list: readonly Entry[]): Contradiction[] {
  const owners = new Map<string, string>();
  const moments = new Set<string>();
  return list.flatMap((one, index) => {
    const found: Contradiction[] = [];
    if (one.merchant !== undefined && one.payTo === undefined)
      found.push({ path: [index, 'payTo'], message: 'must list the addresses of the merchant' });
    for (const name of merchantsOf(one)) {
      for (const owned of addressesOf(one, name)) {
        const owner = owners.get(owned) ?? name;
        owners.set(owned, owner);
        if (owner !== name)
          found.push({ path: [index, 'payTo'], message: `${owned} belongs to ${owner} already` });
      }
      const moment = `${name} ${one.from.getTime()}`;
      if (moments.has(moment))
        found.push({ path: [index, 'from'], message: 'has other terms of the same merchant already' });
      moments.add(moment);
    }
    return found;
  });
}

/** Whom an entry is about: one merchant by name, each address by itself, or everybody else. */
function merchantsOf({ merchant, payTo }: Entry): readonly string[] {
  return merchant === undefined ? [...new Set(payTo ?? [''])] : [merchant];
}

function addressesOf({ merchant, payTo = [] }: Entry, name: string): readonly string[] {
  return merchant === undefined ? payTo.filter((one) => one === name) : payTo;
}

function tariffOf(list: readonly Entry[]): Tariff {
  const byName = new Map<string, MerchantTerms>();
  const others: FeeTerms[] = [];
  for (const one of list) {
    const { from, basisPoints, fixed } = one;
    const terms = { from, basisPoints, fixed };
    if (one.payTo === undefined) others.push(terms);
    else
      for (const merchant of merchantsOf(one)) {
        const known = byName.get(merchant);
        const payTo = [...new Set([...(known?.payTo ?? []), ...addressesOf(one, merchant)])];
        byName.set(merchant, { merchant, payTo, terms: [...(known?.terms ?? []), terms] });
      }
  }
  return new Tariff([...byName.values()], others);
}

/** Reads the MERCHANT_FEES setting. */
export const tariffSchema = z
  .string()
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue({ code: 'custom', message: 'must be JSON: a list of fees' });
      return z.NEVER;
    }
  })
  .pipe(entries);
