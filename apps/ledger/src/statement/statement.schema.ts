import { z } from 'zod';

import { assetSchema } from '../asset/asset-directory.js';
import {
  accountCodeParameter,
  amountField,
  assetParameter,
  hashField,
  layerField,
  layerParameter,
  timeField,
} from '../http/field.js';
import { limitParameter } from '../http/page.js';
import { dayParameter, momentFields, momentParameters } from '../moment/moment.schema.js';
import { momentCursor } from '../moment/moment-page.js';

export const statementPath = z.strictObject({ code: accountCodeParameter });

/** What a statement is of, beside the account. */
export const statementParameters = {
  from: dayParameter.describe('First day (UTC).'),
  to: dayParameter.describe('Last day (UTC), all of it.'),
  asset: assetParameter.optional().describe('CAIP-19 asset id; needed where the account holds several.'),
  layer: layerParameter.default('settled').describe('settled unless told.'),
  ...momentParameters,
};

export const statementQuery = z.strictObject({
  ...statementParameters,
  cursor: momentCursor,
  limit: limitParameter,
});

const sideField = z.int().describe('How many lines.');

export const statementLineSchema = z
  .strictObject({
    transactionId: z.string(),
    line: z.int(),
    day: z.iso.date(),
    effectiveAt: timeField.describe('When it counts.'),
    occurredAt: timeField.describe('When it happened.'),
    recordedAt: timeField.describe('When it was posted.'),
    event: z.string().describe('What it was posted for.'),
    paymentId: z.uuid().nullable(),
    chainTransaction: hashField.nullable(),
    amount: amountField.describe('A debit when positive, a credit when negative.'),
    balance: amountField.describe('After this line.'),
  })
  .meta({ id: 'StatementLine' });

export const statementSchema = z
  .strictObject({
    id: z
      .string()
      .describe(
        'Made of what it says: the same statement has the same id, wherever and whenever it is asked for.',
      ),
    ...momentFields,
    account: z.string(),
    asset: assetSchema,
    layer: layerField,
    from: z.iso.date(),
    to: z.iso.date(),
    opening: amountField.describe('Balance before the first day: the closing of the day before.'),
    debits: sideField,
    credits: sideField,
    debit: amountField.describe('Sum of the debits.'),
    credit: amountField.describe('Sum of the credits, without sign.'),
    closing: amountField.describe('Balance at the end of the last day: the opening of the next.'),
    lines: z
      .array(statementLineSchema)
      .describe('By day, within a day in the order in which they were sealed.'),
    nextCursor: z
      .string()
      .nullable()
      .describe('Send it as `cursor` for the next lines; null on the last page.'),
  })
  .meta({ id: 'Statement' });

export type StatementQuery = z.output<typeof statementQuery>;
export type Statement = z.output<typeof statementSchema>;
export type StatementLine = z.output<typeof statementLineSchema>;
