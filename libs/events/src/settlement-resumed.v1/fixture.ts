import { fixturePayment } from '../fixture-payment.js';

export const settlementResumedFixture = {
  id: '0b0e1f4e-2c52-4c1c-9a3e-6a3d1b1f0011',
  type: 'settlement.resumed',
  version: 1,
  occurredAt: '2026-11-20T12:00:03.000Z',
  key: fixturePayment.chainId,
  correlationId: fixturePayment.chainId,
  causationId: '0b0e1f4e-2c52-4c1c-9a3e-6a3d1b1f0010',
  data: {
    chainId: fixturePayment.chainId,
  },
} as const;
