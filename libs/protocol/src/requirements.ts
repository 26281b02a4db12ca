import { z } from 'zod';

import {
  accountField,
  amountField,
  defaultedRecordField,
  defaultedTextField,
  networkV1Field,
  networkV2Field,
  schemeField,
  timeoutSecondsField,
  urlField,
} from './field.js';

/**
 * What a seller asks for, x402 v1. Fields that v1 implementations omit or send as null come out as empty, the way
 * the published type has them.
 */
export const paymentRequirementsV1Schema = z.strictObject(
  {
    scheme: schemeField,
    network: networkV1Field,
    maxAmountRequired: amountField,
    resource: urlField,
    description: defaultedTextField,
    mimeType: defaultedTextField,
    outputSchema: defaultedRecordField,
    payTo: accountField,
    maxTimeoutSeconds: timeoutSecondsField,
    asset: accountField,
    extra: defaultedRecordField,
  },
  { error: 'an x402 v1 payment requirements object' },
);

export type PaymentRequirementsV1 = z.infer<typeof paymentRequirementsV1Schema>;

/** What a seller asks for, x402 v2 (specification §5.1.2). */
export const paymentRequirementsV2Schema = z.strictObject(
  {
    scheme: schemeField,
    network: networkV2Field,
    amount: amountField,
    asset: accountField,
    payTo: accountField,
    maxTimeoutSeconds: timeoutSecondsField,
    extra: defaultedRecordField,
  },
  { error: 'an x402 v2 payment requirements object' },
);

export type PaymentRequirementsV2 = z.infer<typeof paymentRequirementsV2Schema>;
