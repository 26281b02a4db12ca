import { z } from 'zod';

import { networkV1Field, optionalRecordField, recordField, schemeField, versionField } from './field.js';
import { withoutNulls } from './null-field.js';
import { paymentRequirementsV2Schema } from './requirements.js';
import { resourceInfoSchema } from './resource.js';

/** What a payer sends, x402 v1. `payload` belongs to the scheme, which parses it. */
export const paymentPayloadV1Schema = z.strictObject(
  {
    x402Version: versionField(1),
    scheme: schemeField,
    network: networkV1Field,
    payload: recordField,
  },
  { error: 'an x402 v1 payment payload object' },
);

export type PaymentPayloadV1 = z.infer<typeof paymentPayloadV1Schema>;

/** What a payer sends, x402 v2 (specification §5.2). `payload` belongs to the scheme, which parses it. */
export const paymentPayloadV2Schema = z
  .strictObject(
    {
      x402Version: versionField(2),
      resource: resourceInfoSchema.nullish(),
      accepted: paymentRequirementsV2Schema,
      payload: recordField,
      extensions: optionalRecordField,
    },
    { error: 'an x402 v2 payment payload object' },
  )
  .transform(withoutNulls);

export type PaymentPayloadV2 = z.infer<typeof paymentPayloadV2Schema>;
