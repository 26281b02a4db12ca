import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { x402Client } from '@x402/core/client';
import { HTTPFacilitatorClient } from '@x402/core/http';
import type { PaymentPayload, PaymentRequired, PaymentRequirements } from '@x402/core/types';
import { ExactEvmScheme } from '@x402/evm/exact/client';
import { ExactEvmSchemeV1 } from '@x402/evm/exact/v1/client';
import { privateKeyToAccount } from 'viem/accounts';
import { createPaymentHeader } from 'x402/client';
import { exact } from 'x402/schemes';
import { PaymentRequirementsSchema } from 'x402/types';
import { useFacilitator } from 'x402/verify';

import { bodyV1, bodyV2 } from '../test/bodies.js';
import { parsePaymentRequest } from './payment-request.js';

/** Bodies as the published packages really send them: signed by their clients, posted by their facilitator clients. */
const account = privateKeyToAccount(`0x${'11'.repeat(32)}`);
const { paymentRequirements, paymentPayload } = bodyV2();
const accepts = [paymentRequirements as PaymentRequirements];
const url = 'http://facilitator.invalid' as const;

afterEach(() => {
  jest.restoreAllMocks();
});

async function posted(send: () => Promise<unknown>): Promise<unknown> {
  const stub = jest
    .spyOn(globalThis, 'fetch')
    .mockImplementation(() =>
      Promise.resolve(Response.json({ isValid: true, success: true, transaction: '', network: '' })),
    );
  await send();
  return JSON.parse(String(stub.mock.calls[0]?.[1]?.body));
}

const pay = (required: Omit<PaymentRequired, 'resource'> & { resource?: PaymentRequired['resource'] }) =>
  new x402Client()
    .register('eip155:84532', new ExactEvmScheme(account))
    .registerV1('base-sepolia', new ExactEvmSchemeV1(account))
    .setSpendControls(false)
    .createPaymentPayload(required as PaymentRequired);

describe('a request of @x402/core 2.27', () => {
  it.each(['verify', 'settle'] as const)('is read: v2 %s', async (operation) => {
    const payload = await pay({ x402Version: 2, accepts, resource: paymentPayload.resource, extensions: {} });
    const client = new HTTPFacilitatorClient({ url });
    const parsed = parsePaymentRequest(
      await posted(() => client[operation](payload, paymentRequirements as PaymentRequirements)),
    );
    expect(parsed).toMatchObject({
      ok: true,
      request: {
        x402Version: 2,
        network: 'eip155:84532',
        resource: paymentPayload.resource.url,
        payload: { authorization: { from: account.address, value: '10000' } },
      },
    });
  });

  it('is read where the seller declares neither resource nor extensions', async () => {
    const payload = await pay({ x402Version: 2, accepts });
    const client = new HTTPFacilitatorClient({ url });
    const body = await posted(() => client.verify(payload, paymentRequirements as PaymentRequirements));
    expect(parsePaymentRequest(body)).toMatchObject({
      ok: true,
      request: { resource: null, extensions: {} },
    });
  });

  it('is read: v1', async () => {
    const requirements = bodyV1().paymentRequirements as unknown as PaymentRequirements;
    const payload = await pay({ x402Version: 1, accepts: [requirements] });
    const client = new HTTPFacilitatorClient({ url });
    const body = await posted(() => client.verify(payload as PaymentPayload, requirements));
    expect(parsePaymentRequest(body)).toMatchObject({
      ok: true,
      request: {
        x402Version: 1,
        networkAsWritten: 'base-sepolia',
        payload: { authorization: { from: account.address } },
      },
    });
  });
});

describe('a request of the legacy x402 1.2.0', () => {
  const requirements = PaymentRequirementsSchema.parse(bodyV1().paymentRequirements);

  it.each(['verify', 'settle'] as const)('is read: %s', async (operation) => {
    const payload = exact.evm.decodePayment(await createPaymentHeader(account, 1, requirements));
    const body = await posted(() => useFacilitator({ url })[operation](payload, requirements));
    expect(parsePaymentRequest(body)).toMatchObject({
      ok: true,
      request: { x402Version: 1, networkAsWritten: 'base-sepolia', requirements: { amount: '10000' } },
    });
  });

  it('is read without the optional fields', async () => {
    const { outputSchema: _outputSchema, ...rest } = requirements;
    const payload = exact.evm.decodePayment(await createPaymentHeader(account, 1, rest));
    const body = await posted(() => useFacilitator({ url }).verify(payload, rest));
    expect(parsePaymentRequest(body)).toMatchObject({
      ok: true,
      request: { accepted: { network: 'eip155:84532' } },
    });
  });
});
