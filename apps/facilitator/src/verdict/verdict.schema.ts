import { z } from 'zod';

export const pageLimitDefault = 100;
export const pageLimitMax = 1_000;
const reasonLengthMax = 100;
/** To the nanosecond. */
const timeLengthMax = '2026-11-27T10:00:00.123456789Z'.length;

const limitProblem = `must be a whole number from 1 to ${pageLimitMax}`;
const addressProblem = 'must be an EVM address, 0x and 40 hexadecimal digits';
const timeProblem = 'must be a time by ISO 8601 in UTC, like "2026-11-27T10:00:00Z"';
const cursorProblem = 'is not a cursor that this list gave; leave it out to begin at the start';
const reasonProblem = 'must be a reason code, like "insufficient_funds"';

const addressParameter = z
  .string(addressProblem)
  .regex(/^0x[0-9a-fA-F]{40}$/, addressProblem)
  .toLowerCase();

/** Postgres reads no longer ones, and knows no year 0. */
const timeParameter = z.iso
  .datetime({ error: timeProblem })
  .max(timeLengthMax, timeProblem)
  .refine((text) => !text.startsWith('0000'), timeProblem);

/** Milliseconds and sequence of the last verdict of the page before. */
const cursorPattern = /^(\d{1,15})\.(\d{1,18})$/;

/** What `GET /verdicts` can be asked. */
export const verdictsQuery = z.strictObject({
  payer: addressParameter.optional().describe('Who pays.'),
  payee: addressParameter.optional().describe('Who asks to be paid.'),
  reason: z
    .string(reasonProblem)
    .regex(new RegExp(`^[a-z0-9_]{1,${reasonLengthMax}}$`), reasonProblem)
    .optional()
    .describe('Why it was refused: a reason code in the words of the specification.'),
  from: timeParameter.optional().describe('Judged at this time or later.'),
  to: timeParameter.optional().describe('Judged before this time.'),
  cursor: z
    .string(cursorProblem)
    .transform((text, context) => {
      const [, judgedAtMs, sequence] =
        cursorPattern.exec(Buffer.from(text.slice(0, 100), 'base64url').toString('latin1')) ?? [];
      if (judgedAtMs !== undefined && sequence !== undefined)
        return { judgedAtMs: Number(judgedAtMs), sequence };
      context.addIssue({ code: 'custom', message: cursorProblem });
      return z.NEVER;
    })
    .optional()
    .describe('`nextCursor` of the page before; leave it out for the first page.'),
  limit: z
    .string(limitProblem)
    .regex(/^[0-9]{1,4}$/, limitProblem)
    .transform(Number)
    .refine((limit) => limit >= 1 && limit <= pageLimitMax, limitProblem)
    .default(pageLimitDefault)
    .describe(`Items on a page, 1 to ${pageLimitMax}; ${pageLimitDefault} unless told.`),
});

export type VerdictsQuery = z.output<typeof verdictsQuery>;

const digits = z.string().describe('Decimal digits.');

export const verdictSchema = z.object({
  sequence: digits.describe('Its place in the trail.'),
  route: z.enum(['verify', 'settle']),
  valid: z.boolean(),
  reason: z
    .string()
    .nullable()
    .describe('Why it was refused, the first rule that it breaks; null for a good one.'),
  fingerprint: z.string().describe('SHA-256 of the whole request in its normal form.'),
  paymentId: z.uuid().nullable().describe('Null for what could not be read as a payment.'),
  x402Version: z.union([z.literal(1), z.literal(2)]),
  scheme: z.string(),
  network: z.string().describe('CAIP-2.'),
  asset: z.string(),
  payer: z.string().nullable(),
  payTo: z.string(),
  amount: digits.describe('Atomic units that the seller asked for.'),
  blockNumber: digits
    .nullable()
    .describe('The block whose facts it rests on; null where the chain was not asked.'),
  judgedAt: z.string().describe('UTC, ISO 8601.'),
});

export type VerdictView = z.output<typeof verdictSchema>;

export const verdictPageSchema = z.object({
  items: z.array(verdictSchema).describe('The newest first.'),
  nextCursor: z.string().nullable().describe('Send it as `cursor` for the next page; null on the last.'),
});

export type VerdictPage = z.output<typeof verdictPageSchema>;
