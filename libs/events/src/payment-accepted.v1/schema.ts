import { lengthMax } from '@quittance/protocol';
import { z } from 'zod';

import { addressField, amountField, hash32Field, paymentFields, signatureField } from '../fields.js';

/** A payment was verified and reserved: the settlement service must now put it on chain. */
export const paymentAcceptedData = z
  .object({
    ...paymentFields,
    x402Version: z.union([z.literal(1), z.literal(2)]),
    scheme: z.literal('exact'),
    method: z.literal('eip3009').describe('How the authorization moves the asset.'),
    resource: z
      .string()
      .check(lengthMax(2048))
      .nullable()
      .describe('URL of what is bought, as the payer or the seller named it.'),
    authorization: z
      .object({
        from: addressField,
        to: addressField,
        value: amountField,
        validAfter: amountField,
        validBefore: amountField,
        nonce: hash32Field,
      })
      .strict(),
    signature: signatureField,
  })
  .strict();
