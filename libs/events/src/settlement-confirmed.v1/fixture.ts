import { fixtureBlock, fixturePayment, fixtureRelayer, fixtureTransaction } from '../fixture-payment.js';

export const settlementConfirmedFixture = {
  id: '0b0e1f4e-2c52-4c1c-9a3e-6a3d1b1f0004',
  type: 'settlement.confirmed',
  version: 1,
  occurredAt: '2026-11-20T12:00:02.000Z',
  key: fixturePayment.paymentId,
  correlationId: fixturePayment.paymentId,
  causationId: '0b0e1f4e-2c52-4c1c-9a3e-6a3d1b1f0003',
  data: {
    ...fixturePayment,
    transaction: fixtureTransaction,
    block: fixtureBlock,
    logIndex: 3,
    settledBy: 'us',
    gas: {
      attempt: 1,
      relayer: fixtureRelayer,
      outcome: 'ok',
      gasUsed: '85672',
      gasPrice: '1000000000',
      l1Fee: '0',
      fee: '85672000000000',
    },
  },
} as const;
