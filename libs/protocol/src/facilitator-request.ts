import { z } from 'zod';

import { versionField } from './field.js';
import { paymentPayloadV1Schema, paymentPayloadV2Schema } from './payload.js';
import { paymentRequirementsV1Schema, paymentRequirementsV2Schema } from './requirements.js';

const requestExpected = 'a JSON object with paymentPayload and paymentRequirements';

/**
 * The body of `POST /verify` and `POST /settle`, x402 v1. The legacy request type has no version beside the two
 * parts though the legacy client sends one: the payload's own version counts, this one may only repeat it.
 */
export const verifyRequestV1Schema = z.strictObject(
  {
    x402Version: versionField(1).exactOptional(),
    paymentPayload: paymentPayloadV1Schema,
    paymentRequirements: paymentRequirementsV1Schema,
  },
  { error: requestExpected },
);

/** The body of `POST /verify` and `POST /settle`, x402 v2 (specification §7.1, §7.2). */
export const verifyRequestV2Schema = z.strictObject(
  {
    x402Version: versionField(2).exactOptional(),
    paymentPayload: paymentPayloadV2Schema,
    paymentRequirements: paymentRequirementsV2Schema,
  },
  { error: requestExpected },
);

export const verifyRequestSchema = z.union([verifyRequestV2Schema, verifyRequestV1Schema]);

/** Verify and settle take the same body. */
export const settleRequestV1Schema = verifyRequestV1Schema;
export const settleRequestV2Schema = verifyRequestV2Schema;
export const settleRequestSchema = verifyRequestSchema;

export type VerifyRequestV1 = z.infer<typeof verifyRequestV1Schema>;
export type VerifyRequestV2 = z.infer<typeof verifyRequestV2Schema>;
export type VerifyRequest = z.infer<typeof verifyRequestSchema>;
export type SettleRequestV1 = z.infer<typeof settleRequestV1Schema>;
export type SettleRequestV2 = z.infer<typeof settleRequestV2Schema>;
export type SettleRequest = z.infer<typeof settleRequestSchema>;
