import { lengthMax } from '@quittance/protocol';
import { z } from 'zod';

import {
  accountSignatureField,
  addressField,
  amountField,
  hash32Field,
  paymentFields,
  signatureField,
  transactionField,
} from '../fields.js';

const approvalFields = {
  from: addressField,
  asset: addressField,
  spender: addressField,
  amount: amountField,
};

const sponsoringField = z
  .discriminatedUnion('kind', [
    z
      .object({
        kind: z.literal('eip2612'),
        ...approvalFields,
        nonce: amountField,
        deadline: amountField,
        signature: accountSignatureField,
      })
      .strict(),
    z
      .object({
        kind: z.literal('erc20_approval'),
        ...approvalFields,
        signedTransaction: transactionField,
      })
      .strict(),
  ])
  .describe('How the payer lets Permit2 move the asset, where it did not yet when the payment was accepted.');

/** A payment was verified and reserved: the settlement service must now put it on chain. */
export const paymentAcceptedData = z
  .object({
    ...paymentFields,
    x402Version: z.union([z.literal(1), z.literal(2)]),
    scheme: z
      .enum(['exact', 'upto'])
      .describe('exact: what was signed is settled; upto: `amount`, which is at most what was signed.'),
    method: z.enum(['eip3009', 'permit2']).describe('How the authorization moves the asset.'),
    resource: z
      .string()
      .check(lengthMax(2048))
      .nullable()
      .describe('URL of what is bought, as the payer or the seller named it.'),
    authorization: z
      .object({
        from: addressField,
        to: addressField,
        value: amountField.describe('What the payer signed.'),
        validAfter: amountField,
        validBefore: amountField.describe('By Permit2: the deadline.'),
        nonce: hash32Field,
      })
      .strict(),
    signature: signatureField,
    facilitator: addressField
      .optional()
      .describe('By upto: the one account that may send the transaction, a relayer of ours.'),
    sponsoring: sponsoringField.optional(),
    payerHasCode: z
      .boolean()
      .optional()
      .describe('True where the payer’s own code judges the signature: a contract, or a delegated account.'),
  })
  .strict()
  .refine(
    ({ scheme, method, facilitator }) =>
      (scheme === 'upto') === (facilitator !== undefined) && (scheme === 'exact' || method === 'permit2'),
    { error: 'upto, and no other scheme, names a facilitator and is by Permit2' },
  )
  .refine(({ method, sponsoring }) => sponsoring === undefined || method === 'permit2', {
    error: 'only Permit2 needs an allowance',
  });
