import { z } from 'zod';

import { amountField, hash32Field, paymentFields } from '../fields.js';

/**
 * A transaction of ours was signed anew, with the same nonce and content and a higher fee. Either of them may be mined,
 * never both; the newest hash is the likelier one.
 */
export const settlementReplacedData = z
  .object({
    ...paymentFields,
    attempt: z.int().min(1).describe('The attempt whose transaction it replaces.'),
    version: z
      .int()
      .min(2)
      .describe('Which transaction of the attempt; settlement.submitted told of the first.'),
    transaction: hash32Field,
    replaces: hash32Field,
    gasPriceMax: amountField.describe('The most the relayer now offers, in wei a unit of gas.'),
    gasReserve: amountField.describe('This payment’s part of gas limit × gasPriceMax, in wei.'),
  })
  .strict();
