import { z } from 'zod';

import { assetSchema } from '../asset/asset-directory.js';
import {
  accountCodeParameter,
  accountPrefixParameter,
  amountField,
  assetParameter,
  bookField,
  hashField,
  layerField,
  layerParameter,
  timeField,
} from '../http/field.js';
import { limitParameter } from '../http/page.js';
import { momentCursor, momentPageSchema } from '../moment/moment-page.js';
import { momentParameters } from '../moment/moment.schema.js';

export const accountClasses = ['memo', 'asset', 'liability', 'equity', 'revenue', 'expense'] as const;

export const accountsQuery = z.strictObject({
  prefix: accountPrefixParameter.optional(),
  asset: assetParameter.optional(),
  ...momentParameters,
  cursor: momentCursor,
  limit: limitParameter,
});

export const accountEntriesQuery = z.strictObject({
  asset: assetParameter.optional(),
  layer: layerParameter.optional(),
  ...momentParameters,
  cursor: momentCursor,
  limit: limitParameter,
});

export const accountPath = z.strictObject({ code: accountCodeParameter });

export const classField = z
  .enum(accountClasses)
  .describe('memo: money of others that we moved; the rest as on a balance sheet and in profit and loss.');

export const accountSchema = z
  .strictObject({ code: z.string(), book: bookField, class: classField, asset: assetSchema })
  .meta({ id: 'Account' });

export const accountEntrySchema = z
  .strictObject({
    transactionId: z.string(),
    line: z.int(),
    account: z.string(),
    asset: assetSchema,
    layer: layerField,
    amount: amountField.describe('A debit when positive, a credit when negative, in units of 10^-scale.'),
    paymentId: z.uuid().nullable(),
    event: z.string().describe('What it was posted for.'),
    chainTransaction: hashField.nullable(),
    effectiveAt: timeField.describe('When it counts.'),
    recordedAt: timeField.describe('When it was posted.'),
  })
  .meta({ id: 'AccountEntry' });

export const accountPage = momentPageSchema(accountSchema);
export const accountEntryPage = momentPageSchema(accountEntrySchema);

export type AccountsQuery = z.output<typeof accountsQuery>;
export type AccountEntriesQuery = z.output<typeof accountEntriesQuery>;
export type Account = z.output<typeof accountSchema>;
export type AccountClass = Account['class'];
export type AccountEntry = z.output<typeof accountEntrySchema>;
