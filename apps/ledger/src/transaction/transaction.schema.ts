import { z } from 'zod';

import { assetSchema } from '../asset/asset-directory.js';
import {
  amountField,
  assetParameter,
  bookField,
  chainTransactionParameter,
  hashField,
  layerField,
  paymentIdParameter,
  timeField,
  withPlainAddress,
} from '../http/field.js';
import { limitParameter } from '../http/page.js';
import { instantParameter, momentParameters } from '../moment/moment.schema.js';
import { momentCursor, momentPageSchema } from '../moment/moment-page.js';

const patternLengthMax = 160;

const amountParameter = z
  .string()
  .regex(/^(0|[1-9][0-9]{0,77})$/, 'must be a whole number of atomic units, without sign');

/** What every list of transactions and every export of them can be narrowed by. */
export const transactionFilters = {
  payment_id: paymentIdParameter.optional(),
  chain_transaction: chainTransactionParameter.optional(),
  account: z
    .string()
    .max(patternLengthMax)
    .regex(
      /^[FG](:[-:_a-zA-Z0-9]*)?\*?$/,
      'must be an account code, or its beginning and a star: "F:merchant:*"',
    )
    .transform(withPlainAddress)
    .optional()
    .describe(
      'Has a line on this account, or with a star at the end on one of those that begin so: `F:merchant:*`.',
    ),
  asset: assetParameter.optional().describe('Has a line of this asset.'),
  amount_min: amountParameter
    .optional()
    .describe('Has a line of at least so much on either side, in atomic units.'),
  amount_max: amountParameter
    .optional()
    .describe('Has a line of at most so much on either side, in atomic units.'),
  effective_from: instantParameter('start').optional().describe('Counts from then on: a time or a date.'),
  effective_to: instantParameter('end')
    .optional()
    .describe('Counts up to then: a time, or a date for all of that day.'),
};

export const transactionsQuery = z.strictObject({
  ...transactionFilters,
  ...momentParameters,
  cursor: momentCursor,
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
    source: z
      .enum(['event', 'transfer', 'journal', 'close'])
      .describe(
        'What it was posted for: an event of a payment, a transfer seen on chain, a manual journal, a close.',
      ),
    paymentId: z.uuid().nullable().describe('Null where it is about no single payment.'),
    event: z.string().describe('What it was posted for, by name.'),
    sourceEventId: z.uuid(),
    chainTransaction: hashField.nullable().describe('The transaction on chain that it is about.'),
    effectiveAt: timeField.describe('When it counts.'),
    occurredAt: timeField.describe(
      'When it happened: earlier than it counts where the books of that day were closed.',
    ),
    recordedAt: timeField.describe('When it was posted.'),
    reverses: z.string().nullable().describe('The transaction that it is the mirror of.'),
    entries: z.array(lineSchema).describe('They sum to 0 by asset and layer.'),
    proof: z.string().describe('Where its proof is, once it is sealed.'),
  })
  .meta({ id: 'Transaction' });

export const transactionPage = momentPageSchema(transactionSchema);

export type TransactionsQuery = z.output<typeof transactionsQuery>;
export type TransactionFilters = Pick<TransactionsQuery, keyof typeof transactionFilters>;
export type Transaction = z.output<typeof transactionSchema>;
export type TransactionLine = z.output<typeof lineSchema>;
