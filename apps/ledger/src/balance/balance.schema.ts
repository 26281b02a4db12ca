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
import { cursorParameter, digits, limitParameter, pageSchema } from '../http/page.js';
import { layers } from '../posting/line.js';

export const balancesQuery = z.strictObject({
  account: accountCodeParameter.optional(),
  prefix: accountPrefixParameter.optional(),
  asset: assetParameter.optional(),
  layer: layerParameter.optional(),
  cursor: cursorParameter(z.tuple([accountCodeParameter, digits, z.enum(layers)])),
  limit: limitParameter,
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

export const balancePage = pageSchema(balanceSchema);

export type BalancesQuery = z.output<typeof balancesQuery>;
export type Balance = z.output<typeof balanceSchema>;
