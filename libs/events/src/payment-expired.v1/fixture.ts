import { fixtureBlock, fixturePayment } from '../fixture-payment.js';

export const paymentExpiredFixture = {
  id: '0b0e1f4e-2c52-4c1c-9a3e-6a3d1b1f0002',
  type: 'payment.expired',
  version: 1,
  occurredAt: '2026-11-20T12:05:10.000Z',
  key: fixturePayment.paymentId,
  correlationId: fixturePayment.paymentId,
  causationId: null,
  data: { ...fixturePayment, validBefore: '1795031999', block: fixtureBlock },
} as const;
