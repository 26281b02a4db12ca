import { z } from 'zod';

import { assetSchema } from '../asset/asset-directory.js';
import { amountField, bookField, layerField } from '../http/field.js';

export const trialBalanceQuery = z.strictObject({});

export const mismatchesMax = 100;

export const trialBalanceSchema = z
  .strictObject({
    balanced: z.boolean().describe('Whether every difference is 0.'),
    balancesMatchEntries: z.boolean().describe('Whether every kept balance equals the sum of its lines.'),
    rows: z.array(
      z
        .strictObject({
          book: bookField,
          asset: assetSchema,
          layer: layerField,
          debits: amountField,
          credits: amountField,
          difference: amountField.describe('Debits less credits: 0.'),
        })
        .meta({ id: 'TrialBalanceRow' }),
    ),
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
  .meta({ id: 'TrialBalance' });

export type TrialBalance = z.output<typeof trialBalanceSchema>;
