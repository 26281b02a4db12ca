import { lengthMax, lengthMin } from '@quittance/protocol';
import { z } from 'zod';

import { blockField, gasField, hash32Field, paymentFields } from '../fields.js';

/** The payment will not be put on chain by us: refused before broadcast, or mined and reverted. */
export const settlementFailedData = z
  .object({
    ...paymentFields,
    reason: z.string().check(lengthMin(1), lengthMax(100)).describe('A reason code of libs/protocol.'),
    detail: z.string().check(lengthMax(500)),
    authorizationSpent: z
      .boolean()
      .describe(
        'True when the nonce is used or cancelled on chain, so that nobody can land the authorization any more.',
      ),
    transaction: hash32Field.nullable().describe('The reverted transaction, if there was one.'),
    block: blockField.nullable(),
    gas: gasField.nullable(),
  })
  .strict();
