import { z } from 'zod';

import { optionalRecordField, optionalTextField } from './field.js';
import { withoutNulls } from './null-field.js';

const text = z.string({ error: 'a string' });
const flag = z.boolean({ error: 'true or false' });

/** The answer of `POST /verify` (specification §7.1), both versions. */
export const verifyResponseSchema = z
  .object({
    isValid: flag,
    invalidReason: optionalTextField,
    invalidMessage: optionalTextField,
    payer: optionalTextField,
    extensions: optionalRecordField,
    extra: optionalRecordField,
  })
  .transform(withoutNulls);

export type VerifyResponse = z.infer<typeof verifyResponseSchema>;

/**
 * The answer of `POST /settle` (specification §7.2), both versions: `transaction` and `network` are always there,
 * `transaction` is "" where nothing was broadcast. `network` is a v1 name or CAIP-2, as the caller wrote it.
 */
export const settleResponseSchema = z
  .object({
    success: flag,
    errorReason: optionalTextField,
    errorMessage: optionalTextField,
    payer: optionalTextField,
    transaction: text,
    network: text,
    amount: optionalTextField,
    extensions: optionalRecordField,
    extra: optionalRecordField,
  })
  .transform(withoutNulls);

export type SettleResponse = z.infer<typeof settleResponseSchema>;
