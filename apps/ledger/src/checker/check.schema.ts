import { z } from 'zod';

import { timeField } from '../http/field.js';
import { cursorParameter, limitParameter, pageSchema } from '../http/page.js';
import { findingsMax, scopes } from './finding.js';

const states = ['running', 'green', 'drift'] as const;

export const checkBody = z.strictObject({});
export const checkPath = z.strictObject({
  id: z.uuid('must be the id of a check, which is a UUID').toLowerCase(),
});

export const checksQuery = z.strictObject({
  scope: z
    .enum(scopes, `must be one of ${scopes.join(', ')}`)
    .optional()
    .describe('full: checks of everything; slice: those of a random part, made every minute.'),
  state: z
    .enum(states, `must be one of ${states.join(', ')}`)
    .optional()
    .describe('Only those in this state.'),
  cursor: cursorParameter(z.tuple([z.iso.datetime({ precision: 6, offset: true }), z.uuid()])),
  limit: limitParameter,
});

const findingSchema = z
  .strictObject({ kind: z.string(), subject: z.string(), detail: z.string() })
  .meta({ id: 'Finding' });

export const checkSchema = z
  .strictObject({
    id: z.uuid(),
    scope: z.enum(scopes),
    state: z.enum(states).describe('green: nothing is wrong; drift: the books became read-only for it.'),
    actor: z.string().describe('Who asked for it; `ledger` is the service itself.'),
    beganAt: timeField,
    endedAt: timeField.nullable(),
    lookedAt: z.record(z.string(), z.int()).nullable().describe('How many of each thing.'),
    drift: z
      .array(findingSchema)
      .nullable()
      .describe(`Where the books do not agree with themselves; of each kind the first ${findingsMax}.`),
    overdue: z
      .array(findingSchema)
      .nullable()
      .describe(
        'Money that should have left a clearing account: the books are right, something else is late.',
      ),
  })
  .meta({ id: 'Check' });

export const checkPage = pageSchema(checkSchema);

export type ChecksQuery = z.output<typeof checksQuery>;
export type Check = z.output<typeof checkSchema>;
