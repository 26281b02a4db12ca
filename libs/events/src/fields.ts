import {
  type AssetId,
  type AtomicAmount,
  assetIdPattern,
  atomicAmountMax,
  atomicAmountPattern,
  type ChainId,
  chainIdPattern,
} from '@quittance/money';
import { z } from 'zod';

/** The fields that events share. Amounts and block numbers travel as decimal strings: JSON numbers stop at 2^53. */

export const amountField = z
  .string()
  .regex(atomicAmountPattern)
  // Zod goes on after a failed pattern, and BigInt throws on what the pattern refuses.
  .refine(
    (text) => !atomicAmountPattern.test(text) || BigInt(text) <= atomicAmountMax,
    'an amount is at most 2^256 − 1',
  )
  .describe('Atomic units as decimal digits, 0 to 2^256 − 1.');

export const chainIdField = z
  .string()
  .regex(chainIdPattern)
  .transform((text) => text as ChainId)
  .describe('CAIP-2 chain id.');

export const assetIdField = z
  .string()
  .regex(assetIdPattern)
  .transform((text) => text as AssetId)
  .describe('CAIP-19 asset id; EVM addresses in lower case.');

export const addressField = z
  .string()
  .regex(/^0x[0-9a-f]{40}$/)
  .transform((text) => text as `0x${string}`)
  .describe('EVM address in lower case.');

export const hash32Field = z
  .string()
  .regex(/^0x[0-9a-f]{64}$/)
  .transform((text) => text as `0x${string}`)
  .describe('32 bytes in lower-case hex.');

export const signatureField = z
  .string()
  // Empty too: a wallet may have approved the payment by a transaction of its own, and ask for no signature.
  .regex(/^0x(?:[0-9a-f]{2}){0,8192}$/)
  .transform((text) => text as `0x${string}`)
  .describe('Signature bytes in lower-case hex.');

export const accountSignatureField = z
  .string()
  .regex(/^0x[0-9a-f]{130}$/)
  .transform((text) => text as `0x${string}`)
  .describe('r, s and v, 65 bytes in lower-case hex.');

export const transactionField = z
  .string()
  .regex(/^0x(?:[0-9a-f]{2}){1,1024}$/)
  .transform((text) => text as `0x${string}`)
  .describe('A signed transaction in lower-case hex.');

/** Who pays whom how much of what: the same in every event of a payment, so that each can be understood alone. */
export const paymentFields = {
  paymentId: z
    .uuid()
    .describe('The payment: derived from chain, keeper of the nonce (token or Permit2), payer and nonce.'),
  chainId: chainIdField,
  asset: assetIdField,
  payer: addressField,
  payTo: addressField,
  amount: amountField,
} as const;

export const blockField = z
  .object({
    number: amountField.describe('Block number.'),
    hash: hash32Field,
    time: amountField.describe('Block timestamp, seconds since 1970.'),
  })
  .strict();

export const gasField = z
  .object({
    attempt: z.int().min(1).describe('Which of our transactions for this payment, from 1.'),
    relayer: addressField,
    outcome: z
      .enum(['ok', 'reverted', 'missed'])
      .describe(
        'ok: it settled the payment; reverted: all of it failed; missed: mined without settling this payment.',
      ),
    gasUsed: amountField.describe('This payment’s part of the gas; the parts of a batch sum to the whole.'),
    gasPrice: amountField.describe('Effective price in wei.'),
    l1Fee: amountField.describe(
      'This payment’s part of what a rollup charged for data, in wei; part of `fee`.',
    ),
    fee: amountField.describe(
      'This payment’s part of all that the relayer paid, in wei; the parts of a batch sum to the whole.',
    ),
  })
  .strict()
  .describe('What a mined transaction of ours cost, as far as it falls to this payment.');

export type GasSpent = z.output<typeof gasField>;
export type BlockRef = z.output<typeof blockField>;

/** Renders a bigint for an event. */
export const digits = (value: AtomicAmount | bigint): string => value.toString(10);
