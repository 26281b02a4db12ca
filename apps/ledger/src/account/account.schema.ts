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
import { cursorParameter, digits, limitParameter, pageSchema } from '../http/page.js';

export const accountsQuery = z.strictObject({
  prefix: accountPrefixParameter.optional(),
  asset: assetParameter.optional(),
  cursor: cursorParameter(z.tuple([accountCodeParameter, digits])),
  limit: limitParameter,
});

export const accountEntriesQuery = z.strictObject({
  asset: assetParameter.optional(),
  layer: layerParameter.optional(),
  cursor: cursorParameter(z.tuple([digits, digits])),
  limit: limitParameter,
});

export const accountPath = z.strictObject({ code: accountCodeParameter });

export const accountSchema = z
  .strictObject({
    code: z.string(),
    book: bookField,
    class: z.enum(['memo', 'asset', 'expense']),
    asset: assetSchema,
  })
  .meta({ id: 'Account' });

export const accountEntrySchema = z
  .strictObject({
    transactionId: z.string(),
    line: z.int(),
    account: z.string(),
    asset: assetSchema,
    layer: layerField,
    amount: amountField.describe('A debit when positive, a credit when negative, in units of 10^-scale.'),
    paymentId: z.uuid(),
    event: z.string().describe('Type of the event that it was posted for.'),
    chainTransaction: hashField.nullable(),
    effectiveAt: timeField.describe('When it happened.'),
    recordedAt: timeField.describe('When it was posted.'),
  })
  .meta({ id: 'AccountEntry' });

export const accountPage = pageSchema(accountSchema);
export const accountEntryPage = pageSchema(accountEntrySchema);

export type AccountsQuery = z.output<typeof accountsQuery>;
export type AccountEntriesQuery = z.output<typeof accountEntriesQuery>;
export type Account = z.output<typeof accountSchema>;
export type AccountEntry = z.output<typeof accountEntrySchema>;
