import { z } from 'zod';

import { bookField, timeField } from '../http/field.js';
import { cursorParameter, digits, limitParameter, pageSchema } from '../http/page.js';
import { reasonBody } from '../http/reason.js';
import { itemOutcomes, periodStates, periodSteps } from './period.js';

export const periodBody = z.strictObject({
  book: bookField,
  endsAt: z.iso
    .datetime({ offset: true, error: 'must be a moment, like "2026-12-01T00:00:00Z"' })
    .transform((text) => new Date(text))
    .describe('The first moment that is no longer in it. It starts where the one before it ends.'),
});

export const stepBody = z.strictObject({ reason: reasonBody });

const explanationsMax = 20;
const itemName = z.string().regex(/^[a-z_]{1,40}$/, 'must be the name of an item of the checklist');

export const hardCloseBody = z.strictObject({
  reason: reasonBody,
  explanations: z
    .record(itemName, reasonBody)
    .refine((all) => Object.keys(all).length <= explanationsMax, `must have at most ${explanationsMax} items`)
    .default({})
    .describe('To each item of the checklist that has the outcome `explain`, why it may be closed with.'),
});

export const periodPath = z.strictObject({
  id: z.string().regex(/^[1-9][0-9]{0,17}$/, 'must be the id of a period, as GET /periods gives it'),
});

export const periodsQuery = z.strictObject({
  book: z.enum(['F', 'G'], 'must be F or G').optional(),
  state: z.enum(periodStates, `must be one of ${periodStates.join(', ')}`).optional(),
  cursor: cursorParameter(z.tuple([digits])),
  limit: limitParameter,
});

const itemSchema = z
  .strictObject({
    name: z.string(),
    outcome: z
      .enum(itemOutcomes)
      .describe(
        'explain: may be closed with once somebody says why; fail: may not; not_configured: not looked at.',
      ),
    detail: z.string(),
    listed: z.array(z.string()).describe('What it is about, one by one; the first of them.'),
  })
  .meta({ id: 'ChecklistItem' });

export const checklistSchema = z
  .strictObject({
    periodId: z.string(),
    computedAt: timeField,
    ready: z.boolean().describe('Whether nothing fails and nothing is left to be explained.'),
    items: z.array(itemSchema),
  })
  .meta({ id: 'Checklist' });

const stepSchema = z
  .strictObject({
    step: z.enum(periodSteps),
    actor: z.string(),
    reason: z.string(),
    at: timeField,
    record: z
      .strictObject({
        checklist: z.array(itemSchema),
        explanations: z.record(z.string(), z.string()),
        checkId: z.uuid(),
        sealSize: z.string().describe('Transactions that the books held, sealed.'),
        root: z.string().describe('The root of the Merkle tree over them, in hexadecimal digits.'),
      })
      .nullable()
      .describe('The closing record; of the hard close alone.'),
  })
  .meta({ id: 'PeriodStep' });

export const periodSchema = z
  .strictObject({
    id: z.string(),
    book: bookField,
    startsAt: timeField.nullable().describe('Null: from the first transaction on.'),
    endsAt: timeField.describe('The first moment that is no longer in it.'),
    state: z
      .enum(periodStates)
      .describe('open; soft: closed but for journals that the controller approves; hard: closed for ever.'),
    actor: z.string().describe('Who laid it down.'),
    createdAt: timeField,
    steps: z.array(stepSchema).describe('All that was done with it, in order.'),
  })
  .meta({ id: 'Period' });

export const periodPage = pageSchema(periodSchema);

export type PeriodsQuery = z.output<typeof periodsQuery>;
export type Period = z.output<typeof periodSchema>;
export type Checklist = z.output<typeof checklistSchema>;
