import type { ChainId } from '@quittance/money';
import { z } from 'zod';

import { optionalRecordField } from './field.js';
import { chainIdToNetworkName } from './network.js';
import { withoutNulls } from './null-field.js';

const supportedKindSchema = z
  .object({
    x402Version: z.number(),
    scheme: z.string(),
    network: z.string(),
    extra: optionalRecordField,
  })
  .transform(withoutNulls);

export type SupportedKind = z.infer<typeof supportedKindSchema>;

/** The answer of `GET /supported` (specification §7.3). */
export const supportedResponseSchema = z.object({
  kinds: z.array(supportedKindSchema),
  extensions: z.array(z.string()).default([]),
  signers: z.record(z.string(), z.array(z.string())).default({}),
});

export type SupportedResponse = z.infer<typeof supportedResponseSchema>;

/** x402 v1 knows this scheme only. */
const schemeOfV1 = 'exact';

/**
 * What we settle, in the terms of both generations: a kind in v2 for each chain and scheme, and one in v1 where v1
 * has a name for the chain (specification §7.3).
 */
export function supportedAnswer(input: {
  readonly kinds: readonly {
    readonly scheme: string;
    readonly network: ChainId;
    readonly extra?: Readonly<Record<string, unknown>> | undefined;
  }[];
  readonly signers: Readonly<Record<string, readonly string[]>>;
  readonly extensions?: readonly string[] | undefined;
}): SupportedResponse {
  const kinds = input.kinds.flatMap(({ scheme, network, extra }) => {
    const more = extra === undefined ? {} : { extra: { ...extra } };
    const name = scheme === schemeOfV1 ? chainIdToNetworkName(network) : undefined;
    const v2 = { x402Version: 2, scheme, network, ...more };
    return name === undefined ? [v2] : [v2, { x402Version: 1, scheme, network: name, ...more }];
  });
  return {
    kinds,
    extensions: [...(input.extensions ?? [])],
    signers: Object.fromEntries(
      Object.entries(input.signers).map(([family, addresses]) => [family, [...addresses]]),
    ),
  };
}
