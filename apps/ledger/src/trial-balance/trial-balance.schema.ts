import { z } from 'zod';

import { classField } from '../account/account.schema.js';
import { assetSchema } from '../asset/asset-directory.js';
import { amountField, bookField, layerField } from '../http/field.js';
import { momentFields, momentParameters } from '../moment/moment.schema.js';

export const trialBalanceQuery = z.strictObject({
  ...momentParameters,
  verify: z
    .enum(['true', 'false'], 'must be true or false')
    .default('false')
    .describe(
      'true: also sums every line anew, those not sealed yet among them, and compares with the kept balances. It takes its time.',
    ),
});

export const mismatchesMax = 100;

const rowSchema = z
  .strictObject({
    book: bookField,
    asset: assetSchema,
    layer: layerField,
    debits: amountField,
    credits: amountField,
    difference: amountField.describe('Debits less credits: 0.'),
  })
  .meta({ id: 'TrialBalanceRow' });

const groupSchema = z
  .strictObject({
    book: bookField,
    class: classField,
    prefix: z
      .string()
      .describe(
        'How the codes of its accounts begin: `GET /balances?prefix=…` with the same moment lists them.',
      ),
    asset: assetSchema,
    layer: layerField,
    debits: amountField,
    credits: amountField,
    balance: amountField.describe('Debits less credits.'),
  })
  .meta({ id: 'TrialBalanceGroup' });

export const verificationSchema = z
  .strictObject({
    balanced: z.boolean().describe('Whether every difference is 0.'),
    balancesMatchEntries: z.boolean().describe('Whether every kept balance equals the sum of its lines.'),
    rows: z.array(rowSchema).describe('As the lines sum up, those not sealed yet among them.'),
    mismatches: z
      .array(
        z
          .strictObject({
            account: z.string(),
            asset: assetSchema,
            layer: layerField,
            balance: amountField.describe('As it is kept.'),
            entries: amountField.describe('As the lines sum up.'),
          })
          .meta({ id: 'BalanceMismatch' }),
      )
      .describe(`The first ${mismatchesMax} balances that do not equal the sum of their lines.`),
  })
  .meta({ id: 'TrialBalanceVerification' });

export const trialBalanceSchema = z
  .strictObject({
    ...momentFields,
    balanced: z.boolean().describe('Whether every difference is 0.'),
    rows: z.array(rowSchema),
    groups: z.array(groupSchema).describe('The same by class and group of accounts.'),
    verification: verificationSchema.nullable().describe('Null unless asked for.'),
  })
  .meta({ id: 'TrialBalance' });

export type Verification = z.output<typeof verificationSchema>;
export type TrialBalance = z.output<typeof trialBalanceSchema>;
