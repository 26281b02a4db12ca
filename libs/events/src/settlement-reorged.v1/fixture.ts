import { fixtureBlock, fixturePayment, fixtureTransaction } from '../fixture-payment.js';

export const settlementReorgedFixture = {
  id: '0b0e1f4e-2c52-4c1c-9a3e-6a3d1b1f0008',
  type: 'settlement.reorged',
  version: 1,
  occurredAt: '2026-11-20T12:00:03.000Z',
  key: fixturePayment.paymentId,
  correlationId: fixturePayment.paymentId,
  causationId: '0b0e1f4e-2c52-4c1c-9a3e-6a3d1b1f0003',
  data: {
    ...fixturePayment,
    takesBack: '0b0e1f4e-2c52-4c1c-9a3e-6a3d1b1f0004',
    transaction: fixtureTransaction,
    block: fixtureBlock,
  },
} as const;
