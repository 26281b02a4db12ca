import { z } from 'zod';

import { assetSchema } from '../asset/asset-directory.js';
import {
  accountCodeParameter,
  amountField,
  assetParameter,
  bookField,
  layerField,
  layerParameter,
  paymentIdParameter,
  timeField,
} from '../http/field.js';
import { cursorParameter, limitParameter, pageSchema } from '../http/page.js';
import { reasonBody } from '../http/reason.js';
import { journalStates, verdicts } from './journal.js';

const linesMax = 200;
const uint256Digits = 78;

const signedAmount = z
  .string()
  .max(uint256Digits + 1, 'must be within 2^256')
  .regex(/^-?[1-9][0-9]*$/, 'must be a whole number of units other than 0, as a string: "-1000000"')
  .transform(BigInt)
  .refine((amount) => amount < 2n ** 256n && amount > -(2n ** 256n), 'must be within 2^256')
  .describe('A debit when positive, a credit when negative, in units of 10^-scale.');

const momentBody = z.iso
  .datetime({ offset: true, error: 'must be a moment, like "2026-11-30T12:00:00Z"' })
  .transform((text) => new Date(text))
  .describe('When it counts; not in the future.');

export const journalBody = z.strictObject({
  book: bookField,
  effectiveAt: momentBody,
  reason: reasonBody,
  paymentId: paymentIdParameter.nullable().default(null).describe('The payment that it is about, if any.'),
  lines: z
    .array(
      z.strictObject({
        account: accountCodeParameter,
        asset: assetParameter,
        layer: layerParameter.default('settled'),
        amount: signedAmount,
      }),
    )
    .min(2, 'must have two lines at least')
    .max(linesMax, `must have at most ${linesMax} lines`),
});

export const reversalBody = z.strictObject({
  transactionId: z
    .string()
    .regex(/^[1-9][0-9]{0,17}$/, 'must be the id of a transaction, as GET /transactions gives it')
    .describe('The transaction to be mirrored.'),
  effectiveAt: momentBody,
  reason: reasonBody,
});

export const decisionBody = z.strictObject({ reason: reasonBody });

export const journalPath = z.strictObject({
  id: z.uuid('must be the id of a journal, which is a UUID').toLowerCase(),
});

export const journalsQuery = z.strictObject({
  state: z
    .enum(journalStates, `must be one of ${journalStates.join(', ')}`)
    .optional()
    .describe('Only those in this state.'),
  cursor: cursorParameter(z.tuple([z.iso.datetime({ precision: 6, offset: true }), z.uuid()])),
  limit: limitParameter,
});

export const journalSchema = z
  .strictObject({
    id: z.uuid(),
    book: bookField,
    state: z.enum(journalStates),
    effectiveAt: timeField.describe('When it counts.'),
    reason: z.string(),
    paymentId: z.uuid().nullable(),
    reverses: z.string().nullable().describe('The transaction that it is the mirror of.'),
    author: z.string(),
    draftedAt: timeField,
    decision: z
      .strictObject({
        verdict: z.enum(verdicts),
        actor: z.string(),
        reason: z.string(),
        decidedAt: timeField,
      })
      .nullable(),
    transactionId: z.string().nullable().describe('What it was posted as.'),
    lines: z.array(
      z.strictObject({
        line: z.int(),
        account: z.string(),
        asset: assetSchema,
        layer: layerField,
        amount: amountField,
      }),
    ),
  })
  .meta({ id: 'Journal' });

export const journalPage = pageSchema(journalSchema);

export type JournalsQuery = z.output<typeof journalsQuery>;
export type JournalView = z.output<typeof journalSchema>;
