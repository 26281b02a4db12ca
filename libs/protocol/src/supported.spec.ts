import { describe, expect, it } from '@jest/globals';
import { evmChainId } from '@quittance/money';
import { HTTPFacilitatorClient } from '@x402/core/http';
import { jest } from '@jest/globals';
import { SupportedPaymentKindSchema } from 'x402/types';

import { supportedAnswer, supportedResponseSchema } from './supported.js';

const answer = supportedAnswer({
  kinds: [
    { scheme: 'exact', network: evmChainId(84532) },
    { scheme: 'exact', network: evmChainId(31337), extra: { assetTransferMethod: 'eip3009' } },
    { scheme: 'upto', network: evmChainId(84532) },
  ],
  signers: { 'eip155:*': ['0x1234567890abcdef1234567890abcdef12345678'] },
});

describe('the supported answer', () => {
  it('lists a kind in v1 too where v1 has the scheme and a name for the chain', () => {
    expect(answer.kinds).toEqual([
      { x402Version: 2, scheme: 'exact', network: 'eip155:84532' },
      { x402Version: 1, scheme: 'exact', network: 'base-sepolia' },
      { x402Version: 2, scheme: 'exact', network: 'eip155:31337', extra: { assetTransferMethod: 'eip3009' } },
      { x402Version: 2, scheme: 'upto', network: 'eip155:84532' },
    ]);
  });

  it('reaches the published client whole', async () => {
    const stub = jest.spyOn(globalThis, 'fetch').mockResolvedValue(Response.json(answer));
    expect(await new HTTPFacilitatorClient({ url: 'http://facilitator.invalid' }).getSupported()).toEqual(
      answer,
    );
    stub.mockRestore();
    expect(supportedResponseSchema.parse(answer)).toEqual(answer);
  });

  it('has v1 kinds that the legacy schema parses', () => {
    const kinds = answer.kinds.filter(({ x402Version }) => x402Version === 1);
    expect(kinds.map((kind) => SupportedPaymentKindSchema.parse(kind))).toEqual(kinds);
  });
});
