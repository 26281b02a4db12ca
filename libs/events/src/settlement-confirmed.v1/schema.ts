import { z } from 'zod';

import { blockField, gasField, hash32Field, paymentFields } from '../fields.js';

/**
 * The authorization was used on chain, to the configured depth. May come a second time for one payment, when
 * somebody else's transaction landed it and ours was mined later, reverted: then `gas` tells what ours cost.
 */
export const settlementConfirmedData = z
  .object({
    ...paymentFields,
    transaction: hash32Field,
    block: blockField,
    logIndex: z
      .int()
      .min(0)
      .describe('Position in its block of the AuthorizationUsed log, or by Permit2 of the transfer.'),
    settledBy: z.enum(['us', 'other']),
    gas: gasField.nullable(),
  })
  .strict();
