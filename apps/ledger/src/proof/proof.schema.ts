import { z } from 'zod';

import { amountField, bookField, hashField, layerField, timeField } from '../http/field.js';
import { cursorParameter, digits, limitParameter, pageSchema } from '../http/page.js';
import { digestPattern } from './digest.js';

const sizeParameter = z
  .string()
  .regex(/^(0|[1-9][0-9]{0,14})$/, 'must be a size of the tree, a whole number')
  .transform(Number);

export const transactionProofPath = z.strictObject({
  id: z
    .string()
    .regex(/^[1-9][0-9]{0,17}$/, 'must be the id of a transaction of the books, a whole number')
    .describe('Id of the transaction, as `/transactions` and `/payments/{id}` have it.'),
});

export const transactionProofQuery = z.strictObject({
  size: sizeParameter
    .optional()
    .describe(
      'Size of the tree that it is proven to be in, like that of a checkpoint you hold. Unless told, the latest that is signed; where it is not signed yet, the latest that is sealed.',
    ),
});

export const consistencyQuery = z.strictObject({
  from: sizeParameter.describe('Size of the earlier tree, like that of a checkpoint you hold.'),
  to: sizeParameter.optional().describe('Size of the later tree; the latest that is sealed unless told.'),
});

export const checkpointsQuery = z.strictObject({
  cursor: cursorParameter(z.tuple([digits])),
  limit: limitParameter,
});
export type CheckpointsQuery = z.output<typeof checkpointsQuery>;

const digestField = z.string().regex(digestPattern);
const microsecondField = z
  .string()
  .regex(/^\S{1,40}$/)
  .describe('UTC, to the microsecond.');
const placeField = z.int().min(0);

export const checkpointSchema = z
  .strictObject({
    size: placeField.describe('Transactions in the tree.'),
    note: z
      .string()
      .describe(
        'What was signed, and the signature: a checkpoint of C2SP (tlog-checkpoint, signed-note; Ed25519). Keep it: whatever comes later must be consistent with it.',
      ),
    verifierKey: z.string().describe('The key to verify it with: its name, its id, the key.'),
    signedAt: timeField,
  })
  .meta({ id: 'Checkpoint' });
export type CheckpointView = z.output<typeof checkpointSchema>;

export const checkpointPage = pageSchema(checkpointSchema);

export const keysSchema = z
  .strictObject({
    items: z.array(z.strictObject({ verifierKey: z.string(), firstUsed: timeField })),
  })
  .meta({ id: 'CheckpointKeys' });

const sealedTransactionSchema = z
  .strictObject({
    id: z.string(),
    book: bookField,
    source: z.string(),
    sourceEventId: z.uuid(),
    event: z.string(),
    paymentId: z.uuid().nullable(),
    chainTransaction: hashField.nullable(),
    effectiveAt: microsecondField,
    occurredAt: microsecondField,
    recordedAt: microsecondField,
    reverses: z.string().nullable(),
    shard: z.int(),
    entries: z.array(
      z.strictObject({
        line: z.int(),
        account: z.string(),
        asset: z.string(),
        layer: layerField,
        amount: amountField,
      }),
    ),
  })
  .meta({ id: 'SealedTransaction' });

export const inclusionSchema = z
  .strictObject({
    transactionId: z.string(),
    transaction: sealedTransactionSchema.describe('What stands in the books now.'),
    canonical: z
      .string()
      .describe('The same as the text that is hashed: SHA-256 over a 0 byte and its UTF-8 is `leaf`.'),
    position: placeField.describe('Its place in the sealed order.'),
    leaf: digestField,
    sealedAt: timeField.describe('Since when it is sealed.'),
    size: placeField.describe('Of the tree that it is proven to be in.'),
    path: z
      .array(digestField)
      .describe('Hashes beside it, the nearest first: a proof of inclusion of RFC 6962, 2.1.1.'),
    root: digestField.describe('What leaf and path come to: the root that was sealed and signed.'),
    checkpoint: checkpointSchema
      .nullable()
      .describe('The signature of that root; null where this size has none.'),
  })
  .meta({ id: 'InclusionProof' });
export type Inclusion = z.output<typeof inclusionSchema>;

export const consistencySchema = z
  .strictObject({
    from: placeField,
    to: placeField,
    fromRoot: digestField,
    toRoot: digestField,
    path: z
      .array(digestField)
      .describe(
        'Shows that the later tree begins with the earlier one: a proof of consistency of RFC 6962, 2.1.2.',
      ),
  })
  .meta({ id: 'ConsistencyProof' });
export type Consistency = z.output<typeof consistencySchema>;
