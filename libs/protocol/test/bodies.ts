/** Verify and settle bodies as the published clients send them, for the specs. */

export const usdc = '0x036CbD53842c5426634e7929541eC2318f3dCF7e';
export const payer = '0x857b06519E91e3A54538791bDbb0E22373e36b66';
export const payTo = '0x209693Bc6afc0C5328bA36FaF03C514EF312287C';

const schemePayload = {
  signature: `0x${'2d'.repeat(64)}1c`,
  authorization: {
    from: payer,
    to: payTo,
    value: '10000',
    validAfter: '1740672089',
    validBefore: '1740672154',
    nonce: `0x${'f3'.repeat(32)}`,
  },
};

const requirementsV2 = {
  scheme: 'exact',
  network: 'eip155:84532',
  amount: '10000',
  asset: usdc,
  payTo,
  maxTimeoutSeconds: 60,
  extra: { name: 'USDC', version: '2' },
};

const requirementsV1 = {
  scheme: 'exact',
  network: 'base-sepolia',
  maxAmountRequired: '10000',
  resource: 'https://api.example.com/premium-data',
  description: 'Access to premium market data',
  mimeType: '',
  outputSchema: { input: { type: 'http', method: 'GET', discoverable: true } },
  payTo,
  maxTimeoutSeconds: 60,
  asset: usdc,
  extra: { name: 'USDC', version: '2' },
};

/** Fresh copies that share nothing within either, so that a spec may break its own in one place. */
const fresh = <T>(body: T): T => JSON.parse(JSON.stringify(body)) as T;

export const bodyV2 = () =>
  fresh({
    x402Version: 2,
    paymentPayload: {
      x402Version: 2,
      resource: {
        url: 'https://api.example.com/premium-data',
        description: 'Data',
        mimeType: 'application/json',
      },
      accepted: requirementsV2,
      payload: schemePayload,
      extensions: { bazaar: { info: { input: { type: 'http' } }, schema: {} } },
    },
    paymentRequirements: requirementsV2,
  });

export const bodyV1 = () =>
  fresh({
    x402Version: 1,
    paymentPayload: { x402Version: 1, scheme: 'exact', network: 'base-sepolia', payload: schemePayload },
    paymentRequirements: requirementsV1,
  });

export type BodyV1 = ReturnType<typeof bodyV1>;
export type BodyV2 = ReturnType<typeof bodyV2>;

/** Puts a value at a path of a body, or takes the field there away with `undefined`. */
export function withAt(body: object, path: string, value: unknown): object {
  const steps = path.split('.');
  const last = steps.pop() ?? '';
  const parent = steps.reduce<Record<string, unknown>>(
    (node, step) => node[step] as Record<string, unknown>,
    body as Record<string, unknown>,
  );
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return body;
}
