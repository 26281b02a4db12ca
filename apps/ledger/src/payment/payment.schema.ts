import { z } from 'zod';

import { assetSchema } from '../asset/asset-directory.js';
import { amountField, hashField, paymentIdParameter, timeField } from '../http/field.js';
import { transactionSchema } from '../transaction/transaction.schema.js';

export const paymentPath = z.strictObject({ id: paymentIdParameter });

/** What comes first of things reported for the same moment. */
export const stepKinds = [
  'accepted',
  'submitted',
  'replaced',
  'gas spent',
  'released',
  'failed',
  'expired',
  'confirmed',
  'reorged',
] as const;

const stepSchema = z
  .strictObject({
    at: timeField,
    what: z.enum(stepKinds),
    attempt: z.int().nullable().describe('Which of our transactions, where it is about one.'),
    transaction: hashField.nullable(),
    detail: z.string(),
    eventId: z.uuid().describe('The event that told it.'),
  })
  .meta({ id: 'Step' });

const gasSchema = z
  .strictObject({
    attempt: z.int(),
    relayer: z.string().describe('Who paid it.'),
    outcome: z.enum(['ok', 'reverted', 'missed']).describe('missed: mined, without settling this payment.'),
    fee: amountField,
    asset: assetSchema,
  })
  .meta({ id: 'Gas' });

const feeSchema = z
  .strictObject({
    merchant: z.string().describe('Whose claim account it is on: a name, or the address that was paid.'),
    amount: amountField.describe('In units of the asset that was paid with.'),
    basisPoints: z.int().describe('Of the terms that applied.'),
    fixed: amountField.describe('Of the terms that applied.'),
  })
  .meta({ id: 'Fee' });

export const paymentSchema = z
  .strictObject({
    id: z.uuid(),
    state: z.enum(['accepted', 'submitted', 'confirmed', 'failed', 'expired']),
    final: z
      .boolean()
      .describe('Whether its confirmation can no longer be taken back, by the rules of the chain.'),
    chainId: z.string().describe('CAIP-2 chain id.'),
    payer: z.string(),
    payTo: z.string(),
    asset: assetSchema,
    amount: amountField.describe('In units of 10^-scale.'),
    ceiling: amountField
      .nullable()
      .describe('By the scheme upto: the most that the payer signed for; null by others.'),
    fee: feeSchema.nullable().describe('What the merchant owes for it; null where nothing is owed.'),
    resource: z.string().nullable().describe('What was bought, as the payer or the seller named it.'),
    nonce: hashField.nullable(),
    transaction: hashField.nullable().describe('The one that settled it, or the latest one of ours.'),
    settledBy: z.enum(['us', 'other']).nullable(),
    block: z.strictObject({ number: amountField, hash: hashField }).nullable(),
    failure: z.strictObject({ reason: z.string(), detail: z.string() }).nullable(),
    gas: z.array(gasSchema),
    timeline: z.array(stepSchema),
    transactions: z.array(transactionSchema).describe('All that was posted for it.'),
  })
  .meta({ id: 'Payment' });

export type Payment = z.output<typeof paymentSchema>;
export type Step = z.output<typeof stepSchema>;
