import { z } from 'zod';

import { blockField, hash32Field, paymentFields } from '../fields.js';

/**
 * The block behind an earlier event left the canonical chain: what that event told, its cost included, did not happen.
 * The payment is under way again.
 */
export const settlementReorgedData = z
  .object({
    ...paymentFields,
    takesBack: z
      .uuid()
      .describe('Id of the settlement.confirmed, .failed or .released that no longer holds.'),
    transaction: hash32Field.describe('The transaction that the event told of; it may be mined again.'),
    block: blockField.describe('The block that is gone.'),
  })
  .strict();
