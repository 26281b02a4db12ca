import { z } from 'zod';

import { addressField, amountField, hash32Field, paymentFields } from '../fields.js';

/** A signed transaction for the payment is stored and about to be broadcast: from here on its hash is a fact. */
export const settlementSubmittedData = z
  .object({
    ...paymentFields,
    attempt: z.int().min(1).describe('Which of our transactions for this payment, from 1.'),
    relayer: addressField,
    relayerNonce: amountField,
    transaction: hash32Field,
    batchSize: z.int().min(1).max(1_000).describe('Payments that the transaction carries.'),
    gasLimit: amountField.describe('Of the whole transaction.'),
    gasPriceMax: amountField.describe('The most the relayer offered, in wei a unit of gas.'),
    gasReserve: amountField.describe(
      'This payment’s part of gas limit × gasPriceMax, in wei; the parts of a batch sum to the whole.',
    ),
  })
  .strict();
