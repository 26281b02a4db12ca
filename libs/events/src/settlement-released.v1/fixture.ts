import { fixtureBlock, fixturePayment, fixtureRelayer, fixtureTransaction } from '../fixture-payment.js';

export const settlementReleasedFixture = {
  id: '0b0e1f4e-2c52-4c1c-9a3e-6a3d1b1f0007',
  type: 'settlement.released',
  version: 1,
  occurredAt: '2026-11-20T12:00:03.000Z',
  key: fixturePayment.paymentId,
  correlationId: fixturePayment.paymentId,
  causationId: '0b0e1f4e-2c52-4c1c-9a3e-6a3d1b1f0003',
  data: {
    ...fixturePayment,
    attempt: 1,
    cause: 'missed',
    transaction: fixtureTransaction,
    block: fixtureBlock,
    gas: {
      attempt: 1,
      relayer: fixtureRelayer,
      outcome: 'missed',
      gasUsed: '51000',
      gasPrice: '1000000000',
      l1Fee: '0',
      fee: '51000000000000',
    },
  },
} as const;
