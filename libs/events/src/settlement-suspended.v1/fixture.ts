import { fixturePayment } from '../fixture-payment.js';

export const settlementSuspendedFixture = {
  id: '0b0e1f4e-2c52-4c1c-9a3e-6a3d1b1f0010',
  type: 'settlement.suspended',
  version: 1,
  occurredAt: '2026-11-20T12:00:03.000Z',
  key: fixturePayment.chainId,
  correlationId: fixturePayment.chainId,
  causationId: null,
  data: {
    chainId: fixturePayment.chainId,
    reason: 'relayers_unfunded',
    detail: 'No relayer holds 1000000000000000 wei or more.',
  },
} as const;
