import { z } from 'zod';

import { optionalRecordField, optionalTextField, versionField } from './field.js';
import { lengthMin } from './length.js';
import { withoutNulls } from './null-field.js';
import { paymentRequirementsV1Schema, paymentRequirementsV2Schema } from './requirements.js';
import { resourceInfoSchema } from './resource.js';

const acceptsExpected = 'a list of at least one payment requirements object';

/** The body of a 402 in x402 v1. */
export const paymentRequiredV1Schema = z
  .object({
    x402Version: versionField(1),
    error: optionalTextField,
    accepts: z
      .array(paymentRequirementsV1Schema, { error: acceptsExpected })
      .check(lengthMin(1, acceptsExpected)),
  })
  .transform(withoutNulls);

export type PaymentRequiredV1 = z.infer<typeof paymentRequiredV1Schema>;

/** The `PAYMENT-REQUIRED` header of a 402 in x402 v2 (specification §5.1). */
export const paymentRequiredV2Schema = z
  .object({
    x402Version: versionField(2),
    error: optionalTextField,
    resource: resourceInfoSchema,
    accepts: z
      .array(paymentRequirementsV2Schema, { error: acceptsExpected })
      .check(lengthMin(1, acceptsExpected)),
    extensions: optionalRecordField,
  })
  .transform(withoutNulls);

export type PaymentRequiredV2 = z.infer<typeof paymentRequiredV2Schema>;
