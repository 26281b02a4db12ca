import { fixturePayment } from '../fixture-payment.js';

export const paymentAcceptedFixture = {
  id: '0b0e1f4e-2c52-4c1c-9a3e-6a3d1b1f0001',
  type: 'payment.accepted',
  version: 1,
  occurredAt: '2026-11-20T12:00:00.000Z',
  key: fixturePayment.paymentId,
  correlationId: fixturePayment.paymentId,
  causationId: null,
  data: {
    ...fixturePayment,
    x402Version: 2,
    scheme: 'exact',
    method: 'eip3009',
    resource: 'https://shop.example/weather',
    authorization: {
      from: fixturePayment.payer,
      to: fixturePayment.payTo,
      value: fixturePayment.amount,
      validAfter: '0',
      validBefore: '1795032300',
      nonce: `0x${'0c'.repeat(32)}`,
    },
    signature: `0x${'5e'.repeat(64)}1b`,
  },
} as const;
