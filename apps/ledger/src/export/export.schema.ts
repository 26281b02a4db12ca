import { z } from 'zod';

import { dayParameter, momentParameters } from '../moment/moment.schema.js';
import { statementParameters } from '../statement/statement.schema.js';
import { transactionFilters } from '../transaction/transaction.schema.js';

const positionParameter = z
  .string()
  .regex(/^(0|[1-9][0-9]{0,15})$/, 'must be a position in the sealed order, a whole number')
  .transform(BigInt)
  .optional()
  .describe(
    'Where to begin in the sealed order. To go on after a broken download, send the position after the last whole line, with the same as_known_at.',
  );

const bookParameter = z
  .enum(['F', 'G'], 'must be F or G')
  .optional()
  .describe('Of one book; of both unless told.');

export const journalExportQuery = z.strictObject({
  book: bookParameter,
  ...transactionFilters,
  ...momentParameters,
  position: positionParameter,
});

export const csvExportQuery = journalExportQuery.extend({
  bom: z
    .enum(['true', 'false'], 'must be true or false')
    .default('false')
    .describe('true: begins with a byte order mark, which some spreadsheets need to read UTF-8.'),
});

/** Plain-text accounting: a whole book or all of it within days. */
export const plainTextExportQuery = z.strictObject({
  book: bookParameter,
  from: dayParameter
    .optional()
    .describe('First day (UTC): what was before becomes opening balances. From the beginning unless told.'),
  to: dayParameter.optional().describe('Last day (UTC), all of it. Up to as_of unless told.'),
  ...momentParameters,
});

export const statementExportQuery = z.strictObject(statementParameters);

export type JournalExportQuery = z.output<typeof journalExportQuery>;
export type PlainTextExportQuery = z.output<typeof plainTextExportQuery>;
