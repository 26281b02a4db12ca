import { z } from 'zod';

import { timeField } from '../http/field.js';
import { reasonBody } from '../http/reason.js';

export const standingChangesMax = 100;

export const suspendBody = z.strictObject({ reason: reasonBody });

export const resumeBody = z.strictObject({
  reason: reasonBody,
  checkId: z
    .uuid('must be the id of a check')
    .describe('A full check that was begun after the books were last found wrong, and is green.'),
});

export const standingSchema = z
  .strictObject({
    readOnly: z.boolean().describe('Whether nothing may be posted.'),
    reason: z.string(),
    since: timeField,
    changes: z
      .array(
        z.strictObject({
          readOnly: z.boolean(),
          reason: z.string(),
          actor: z.string().describe('`ledger` is the service itself.'),
          checkId: z.uuid().nullable(),
          at: timeField,
        }),
      )
      .describe(`The last ${standingChangesMax}, the latest first.`),
  })
  .meta({ id: 'Standing' });

export type Standing = z.output<typeof standingSchema>;
