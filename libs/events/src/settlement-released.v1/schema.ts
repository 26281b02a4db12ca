import { z } from 'zod';

import { blockField, gasField, hash32Field, paymentFields } from '../fields.js';

/**
 * An attempt ended without settling the payment: its nonce went to another transaction (`displaced`), or it was mined
 * and this payment's part of it failed (`missed`), or all of it did (`reverted`). What becomes of the payment is told by
 * other events; until then it is queued again.
 */
export const settlementReleasedData = z
  .object({
    ...paymentFields,
    attempt: z.int().min(1),
    cause: z.enum(['displaced', 'missed', 'reverted']),
    transaction: hash32Field.describe(
      'The transaction that was mined, or the newest of those that never will be.',
    ),
    block: blockField.nullable().describe('Null when it was displaced.'),
    gas: gasField.nullable().describe('Null when it was displaced.'),
  })
  .strict();
