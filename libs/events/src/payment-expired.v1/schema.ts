import { z } from 'zod';

import { amountField, blockField, paymentFields } from '../fields.js';

/** An accepted payment was never submitted, and its authorization can no longer land: the reservation is released. */
export const paymentExpiredData = z
  .object({
    ...paymentFields,
    validBefore: amountField,
    block: blockField.describe(
      'The block whose time had passed `validBefore` with the authorization unused.',
    ),
  })
  .strict();
