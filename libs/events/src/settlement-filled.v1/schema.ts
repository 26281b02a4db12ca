import { z } from 'zod';

import { addressField, amountField, blockField, chainIdField, hash32Field } from '../fields.js';

/** A transaction that carries nothing was mined, to close a gap in a relayer's nonces that others waited behind. */
export const settlementFilledData = z
  .object({
    chainId: chainIdField,
    relayer: addressField,
    relayerNonce: amountField,
    transaction: hash32Field,
    block: blockField,
    gasUsed: amountField,
    gasPrice: amountField.describe('Effective price in wei.'),
    fee: amountField.describe('All that the relayer paid, in wei.'),
    takesBack: z
      .uuid()
      .nullable()
      .describe('Id of an earlier settlement.filled of this nonce whose block left the chain.'),
  })
  .strict();
