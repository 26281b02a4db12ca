import { z } from 'zod';

import { assetSchema } from '../asset/asset-directory.js';
import {
  accountCodeParameter,
  accountPrefixParameter,
  amountField,
  assetParameter,
  layerField,
  layerParameter,
} from '../http/field.js';
import { limitParameter } from '../http/page.js';
import { momentCursor, momentPageSchema } from '../moment/moment-page.js';
import { momentParameters } from '../moment/moment.schema.js';

export const balancesQuery = z.strictObject({
  account: accountCodeParameter.optional(),
  prefix: accountPrefixParameter.optional(),
  asset: assetParameter.optional(),
  layer: layerParameter.optional(),
  ...momentParameters,
  cursor: momentCursor,
  limit: limitParameter.describe('Accounts on a page, 1 to 1000; 100 unless told.'),
});

export const balanceSchema = z
  .strictObject({
    account: z.string(),
    asset: assetSchema,
    layer: layerField,
    debit: amountField.describe('Sum of the debits.'),
    credit: amountField.describe('Sum of the credits.'),
    balance: amountField.describe('Debits less credits.'),
  })
  .meta({ id: 'Balance' });

export const balancePage = momentPageSchema(balanceSchema);

export type BalancesQuery = z.output<typeof balancesQuery>;
export type Balance = z.output<typeof balanceSchema>;
