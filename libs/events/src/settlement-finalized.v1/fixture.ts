import { fixtureBlock, fixturePayment } from '../fixture-payment.js';

export const settlementFinalizedFixture = {
  id: '0b0e1f4e-2c52-4c1c-9a3e-6a3d1b1f0009',
  type: 'settlement.finalized',
  version: 1,
  occurredAt: '2026-11-20T12:00:03.000Z',
  key: fixturePayment.chainId,
  correlationId: fixturePayment.chainId,
  causationId: null,
  data: {
    chainId: fixturePayment.chainId,
    block: fixtureBlock,
  },
} as const;
