import { describe, expect, it } from '@jest/globals';
import { parsePaymentPayload, parsePaymentRequired, parsePaymentRequirements } from '@x402/core/schemas';
import type * as Sdk from '@x402/core/types';
import type * as SdkV1 from '@x402/core/types/v1';

import { bodyV1, bodyV2 } from '../test/bodies.js';
import type * as Ours from './index.js';
import {
  paymentPayloadV1Schema,
  paymentPayloadV2Schema,
  paymentRequiredV1Schema,
  paymentRequiredV2Schema,
  paymentRequirementsV1Schema,
  paymentRequirementsV2Schema,
} from './index.js';

/**
 * The types here and those of @x402/core 2.27 are assignable both ways. That is checked by `typecheck`: a difference
 * makes the type argument of `Mutual` an error. What has to be bridged, and why:
 *
 * - `x402Version` is `number` there and the version itself here: a payload of another version is another type.
 * - In requests it is required there and optional here: the specification's own example (§7.1) has none.
 * - `network` is `${string}:${string}` there even in v1, where it never holds a colon, and in answers, which carry v1
 *   names too: both are `string` here. v2 payloads have the template type on both sides.
 * - `extensionResponses` is filled by the SDK from a header and is never on the wire, so it is not here.
 */
type Assignable<From, To> = [From] extends [To] ? true : false;
type Mutual<_Check extends true> = true;

type Versioned<T, V extends 1 | 2> = Omit<T, 'x402Version'> & { x402Version: V };
type Named<T> = Omit<T, 'network'> & { network: string };
type NamedAll<T extends { accepts: unknown }, Requirements> = Omit<T, 'accepts'> & {
  accepts: Requirements[];
};
type Stated<T> = Required<Pick<T & { x402Version?: unknown }, 'x402Version'>> & Omit<T, 'x402Version'>;
type RequestOf<Payload, Requirements, V extends 1 | 2> = {
  x402Version: V;
  paymentPayload: Payload;
  paymentRequirements: Requirements;
};
type SupportedOf<T extends { kinds: readonly unknown[] }> = Omit<T, 'kinds'> & {
  kinds: Named<T['kinds'][number]>[];
};

type SdkPayloadV2 = Versioned<Sdk.PaymentPayload, 2>;
type SdkPayloadV1 = Named<SdkV1.PaymentPayloadV1>;
type SdkRequirementsV1 = Named<SdkV1.PaymentRequirementsV1>;
type SdkRequiredV1 = NamedAll<SdkV1.PaymentRequiredV1, SdkRequirementsV1>;

export type Checks = [
  Mutual<Assignable<Ours.ResourceInfo, Sdk.ResourceInfo>>,
  Mutual<Assignable<Sdk.ResourceInfo, Ours.ResourceInfo>>,
  Mutual<Assignable<Ours.PaymentRequirementsV2, Sdk.PaymentRequirements>>,
  Mutual<Assignable<Sdk.PaymentRequirements, Ours.PaymentRequirementsV2>>,
  Mutual<Assignable<Ours.PaymentRequiredV2, Sdk.PaymentRequired>>,
  Mutual<Assignable<Versioned<Sdk.PaymentRequired, 2>, Ours.PaymentRequiredV2>>,
  Mutual<Assignable<Ours.PaymentPayloadV2, Sdk.PaymentPayload>>,
  Mutual<Assignable<SdkPayloadV2, Ours.PaymentPayloadV2>>,
  Mutual<Assignable<Stated<Ours.VerifyRequestV2>, RequestOf<SdkPayloadV2, Sdk.PaymentRequirements, 2>>>,
  Mutual<Assignable<RequestOf<SdkPayloadV2, Sdk.PaymentRequirements, 2>, Ours.VerifyRequestV2>>,
  Mutual<Assignable<Ours.VerifyResponse, Sdk.VerifyResponse>>,
  Mutual<Assignable<Sdk.VerifyResponse, Ours.VerifyResponse>>,
  Mutual<Assignable<Ours.SettleResponse, Named<Sdk.SettleResponse>>>,
  Mutual<Assignable<Sdk.SettleResponse, Ours.SettleResponse>>,
  Mutual<Assignable<Ours.SupportedResponse, SupportedOf<Sdk.SupportedResponse>>>,
  Mutual<Assignable<Sdk.SupportedResponse, Ours.SupportedResponse>>,
  Mutual<Assignable<Ours.PaymentRequirementsV1, SdkRequirementsV1>>,
  Mutual<Assignable<SdkRequirementsV1, Ours.PaymentRequirementsV1>>,
  Mutual<Assignable<Ours.PaymentRequiredV1, SdkRequiredV1>>,
  Mutual<Assignable<SdkRequiredV1, Ours.PaymentRequiredV1>>,
  Mutual<Assignable<Ours.PaymentPayloadV1, SdkPayloadV1>>,
  Mutual<Assignable<SdkPayloadV1, Ours.PaymentPayloadV1>>,
  Mutual<Assignable<Stated<Ours.VerifyRequestV1>, RequestOf<SdkPayloadV1, SdkRequirementsV1, 1>>>,
  Mutual<Assignable<RequestOf<SdkPayloadV1, SdkRequirementsV1, 1>, Ours.VerifyRequestV1>>,
  Mutual<Assignable<Ours.SettleResponse, Named<SdkV1.SettleResponseV1>>>,
  Mutual<Assignable<SdkV1.SettleResponseV1, Ours.SettleResponse>>,
];

/** The check itself must be able to fail. */
export type Controls = [
  // @ts-expect-error -- a missing field is no match
  Mutual<Assignable<Omit<Ours.PaymentRequirementsV2, 'payTo'>, Sdk.PaymentRequirements>>,
  // @ts-expect-error -- nor is an unbridged v1 network
  Mutual<Assignable<Ours.PaymentRequirementsV1, SdkV1.PaymentRequirementsV1>>,
];

describe('what our schemas accept', () => {
  const { paymentPayload, paymentRequirements } = bodyV2();
  const required = {
    x402Version: 2,
    error: null,
    resource: { url: 'https://x.example' },
    accepts: [paymentRequirements],
  };
  const v1 = bodyV1();
  const requiredV1 = {
    x402Version: 1,
    error: 'X-PAYMENT header is required',
    accepts: [v1.paymentRequirements],
  };

  it('is what the SDK’s schemas accept, v2', () => {
    expect(parsePaymentPayload(paymentPayloadV2Schema.parse(paymentPayload)).success).toBe(true);
    expect(parsePaymentRequirements(paymentRequirementsV2Schema.parse(paymentRequirements)).success).toBe(
      true,
    );
    expect(parsePaymentRequired(paymentRequiredV2Schema.parse(required)).success).toBe(true);
  });

  it('is what the SDK’s schemas accept, v1', () => {
    expect(parsePaymentPayload(paymentPayloadV1Schema.parse(v1.paymentPayload)).success).toBe(true);
    expect(parsePaymentRequirements(paymentRequirementsV1Schema.parse(v1.paymentRequirements)).success).toBe(
      true,
    );
    expect(parsePaymentRequired(paymentRequiredV1Schema.parse(requiredV1)).success).toBe(true);
  });
});
