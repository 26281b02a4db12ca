import { z } from 'zod';

import { addressField, amountField, blockField, chainIdField, hash32Field } from '../fields.js';

/**
 * A transaction that carries no payment was mined: it closes a gap in a relayer's nonces that others waited behind, or
 * gives a payer the gas for an approval.
 */
export const settlementFilledData = z
  .object({
    chainId: chainIdField,
    relayer: addressField,
    relayerNonce: amountField,
    transaction: hash32Field,
    block: blockField,
    gasUsed: amountField,
    gasPrice: amountField.describe('Effective price in wei.'),
    fee: amountField.describe('All that the relayer paid for gas, in wei.'),
    topUp: z
      .object({
        paymentId: z.uuid().describe('The payment that needs the approval.'),
        account: addressField.describe('The payer.'),
        amount: amountField.describe('What it was given, in wei; 0 where the transaction reverted.'),
      })
      .strict()
      .optional()
      .describe('What the relayer gave away beside the fee.'),
    takesBack: z
      .uuid()
      .nullable()
      .describe('Id of an earlier settlement.filled of this nonce whose block left the chain.'),
  })
  .strict();
