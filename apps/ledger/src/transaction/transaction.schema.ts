import { z } from 'zod';

import { assetSchema } from '../asset/asset-directory.js';
import {
  amountField,
  bookField,
  chainTransactionParameter,
  hashField,
  layerField,
  paymentIdParameter,
  timeField,
} from '../http/field.js';
import { cursorParameter, digits, limitParameter, pageSchema } from '../http/page.js';

export const transactionsQuery = z.strictObject({
  payment_id: paymentIdParameter.optional(),
  chain_transaction: chainTransactionParameter.optional(),
  cursor: cursorParameter(z.tuple([digits])),
  limit: limitParameter,
});

export const lineSchema = z
  .strictObject({
    line: z.int(),
    account: z.string(),
    asset: assetSchema,
    layer: layerField,
    amount: amountField.describe('A debit when positive, a credit when negative, in units of 10^-scale.'),
  })
  .meta({ id: 'Line' });

export const transactionSchema = z
  .strictObject({
    id: z.string(),
    book: bookField,
    paymentId: z.uuid().nullable().describe('Null where it is about no single payment.'),
    event: z.string().describe('Type of the event that it was posted for.'),
    sourceEventId: z.uuid(),
    chainTransaction: hashField.nullable().describe('The transaction on chain that it is about.'),
    effectiveAt: timeField.describe('When it happened.'),
    recordedAt: timeField.describe('When it was posted.'),
    entries: z.array(lineSchema).describe('They sum to 0 by asset and layer.'),
  })
  .meta({ id: 'Transaction' });

export const transactionPage = pageSchema(transactionSchema);

export type TransactionsQuery = z.output<typeof transactionsQuery>;
export type Transaction = z.output<typeof transactionSchema>;
export type TransactionLine = z.output<typeof lineSchema>;
