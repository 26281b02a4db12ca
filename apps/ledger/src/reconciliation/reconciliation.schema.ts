import { chainIdPattern, type ChainId } from '@quittance/money';
import { z } from 'zod';

import { assetSchema } from '../asset/asset-directory.js';
import {
  amountField,
  chainTransactionParameter,
  hashField,
  paymentIdParameter,
  timeField,
} from '../http/field.js';
import { cursorParameter, digits, limitParameter, pageSchema } from '../http/page.js';
import { reasonBody } from '../http/reason.js';
import { ageBuckets, breakStates, resolutions } from './break.js';
import { breakTypes } from './finding.js';

const chainIdLengthMax = 41;
const nameLengthMax = 64;
const blockDigitsMax = 19;

const chainIdParameter = z
  .string()
  .refine(
    (text) => text.length <= chainIdLengthMax && chainIdPattern.test(text),
    'must be a CAIP-2 chain id, like "eip155:8453"',
  )
  .meta({ maxLength: chainIdLengthMax })
  .transform((text) => text as ChainId)
  .describe('CAIP-2 chain id.');

const blockBody = z
  .string()
  .regex(/^(0|[1-9][0-9]*)$/, 'must be the number of a block, as a string of digits: "1234567"')
  .max(blockDigitsMax, `must have at most ${blockDigitsMax} digits`)
  .transform(BigInt);

const blockField = z.string().regex(/^[0-9]+$/);
const idField = z.string().regex(/^[1-9][0-9]*$/);
const idParameter = (what: string) =>
  z.string().regex(/^[1-9][0-9]{0,17}$/, `must be the id of a ${what}, which is a whole number`);

export const runBody = z.strictObject({
  chainId: chainIdParameter,
  fromBlock: blockBody.describe('The first block to compare.'),
  toBlock: blockBody.describe('The last one. Blocks that are not final yet are waited for.'),
});

export const runPath = z.strictObject({ id: idParameter('run').describe('Id of the run.') });
export const runsQuery = z.strictObject({
  chain_id: chainIdParameter.optional(),
  cursor: cursorParameter(z.tuple([digits])),
  limit: limitParameter,
});

export const runSchema = z
  .strictObject({
    id: idField,
    chainId: z.string(),
    fromBlock: blockField,
    toBlock: blockField,
    nextBlock: blockField.describe('All before it are compared.'),
    state: z.enum(['running', 'done']),
    matched: z.string().describe('Movements on chain that have their equal in the books.'),
    found: z
      .record(z.string(), z.int())
      .describe('Breaks that it found, by type, those among them that it put right itself.'),
    fault: z.string().nullable().describe('Why it does not get on now; null when it does.'),
    askedBy: z.string().nullable(),
    startedAt: timeField,
    finishedAt: timeField.nullable(),
  })
  .meta({ id: 'ReconciliationRun' });
export const runPage = pageSchema(runSchema);

export const chainStandingSchema = z
  .strictObject({
    chainId: z.string(),
    firstBlock: blockField.describe('The first block that was compared.'),
    lastBlock: blockField.nullable().describe('The last one; null before the first page.'),
    lastTime: timeField.nullable().describe('When that block was.'),
    provedBlock: blockField
      .nullable()
      .describe('The block after which the balance of each wallet of ours was compared last.'),
    matched: z.string().describe('Movements that had their equal in the books at once.'),
    found: z.string().describe('Breaks that were found, however they ended.'),
    openBreaks: z.int(),
  })
  .meta({ id: 'ChainStanding' });
export const standingsSchema = z.strictObject({ items: z.array(chainStandingSchema) });

export const breakPath = z.strictObject({ id: idParameter('break').describe('Id of the break.') });
export const breaksQuery = z.strictObject({
  chain_id: chainIdParameter.optional(),
  type: z.enum(breakTypes, `must be one of ${breakTypes.join(', ')}`).optional(),
  state: z.enum(breakStates, `must be one of ${breakStates.join(', ')}`).optional(),
  age: z
    .enum(ageBuckets, `must be one of ${ageBuckets.join(', ')}`)
    .optional()
    .describe('How long ago it was first seen.'),
  owner: z.string().max(nameLengthMax).optional().describe('Who looks after it.'),
  payment_id: paymentIdParameter.optional(),
  chain_transaction: chainTransactionParameter.optional(),
  cursor: cursorParameter(z.tuple([digits])),
  limit: limitParameter,
});

const standingFields = {
  state: z
    .enum(breakStates)
    .describe('healed: it ended by itself; explained and written_off: two people ended it.'),
  owner: z.string().nullable().describe('Who looks after it.'),
  proposedResolution: z.enum(resolutions).nullable().describe('What somebody wants it to end as.'),
  proposedBy: z.string().nullable(),
  proposalReason: z.string().nullable(),
  approvedBy: z.string().nullable().describe('Somebody else than who proposed it.'),
  fixedBy: idField.nullable().describe('The transaction of the books that puts it right.'),
};

export const breakSchema = z
  .strictObject({
    id: idField,
    chainId: z.string(),
    type: z.enum(breakTypes),
    block: blockField,
    blockHash: hashField.nullable(),
    chainTransaction: hashField.nullable(),
    asset: assetSchema,
    value: amountField.describe('What is at stake, in units of 10^-scale.'),
    detail: z.string().describe('What the chain has, and what the books have.'),
    paymentId: z.uuid().nullable(),
    transactionId: idField.nullable().describe('The transaction of the books that it is about.'),
    firstSeenAt: timeField,
    lastSeenAt: timeField,
    closedAt: timeField.nullable(),
    age: z.enum(ageBuckets),
    ...standingFields,
  })
  .meta({ id: 'Break' });
export const breakPage = pageSchema(breakSchema);

export const breakChangeSchema = z
  .strictObject({ at: timeField, ...standingFields })
  .meta({ id: 'BreakChange' });
export const breakWithHistorySchema = z.strictObject({
  ...breakSchema.shape,
  history: z.array(breakChangeSchema).describe('What was so of it, from when on.'),
});

export const assignBody = z.strictObject({
  owner: z
    .string()
    .regex(/^[^\p{C}]{1,64}$/u, `must be a name of 1 to ${nameLengthMax} characters`)
    .describe('Who looks after it.'),
});
export const proposeBody = z.strictObject({
  resolution: z
    .enum(resolutions, `must be one of ${resolutions.join(', ')}`)
    .describe('explained: all is well though it does not look so; written_off: it is not, and is let go.'),
  reason: reasonBody,
  fixedBy: z
    .string()
    .regex(/^[1-9][0-9]{0,17}$/, 'must be the id of a transaction, as GET /transactions gives it')
    .nullable()
    .default(null)
    .describe(
      'The transaction of the books that puts it right, if any: `transactionId` of the approved journal. A journal that is not named is found as a difference of the balance.',
    ),
});
export const decideBody = z.strictObject({});

export type RunView = z.output<typeof runSchema>;
export type RunsQuery = z.output<typeof runsQuery>;
export type ChainStanding = z.output<typeof chainStandingSchema>;
export type BreaksQuery = z.output<typeof breaksQuery>;
export type BreakView = z.output<typeof breakSchema>;
export type BreakWithHistory = z.output<typeof breakWithHistorySchema>;
