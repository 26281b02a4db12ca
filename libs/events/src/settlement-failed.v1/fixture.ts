import { fixtureBlock, fixturePayment, fixtureRelayer, fixtureTransaction } from '../fixture-payment.js';

export const settlementFailedFixture = {
  id: '0b0e1f4e-2c52-4c1c-9a3e-6a3d1b1f0005',
  type: 'settlement.failed',
  version: 1,
  occurredAt: '2026-11-20T12:00:02.000Z',
  key: fixturePayment.paymentId,
  correlationId: fixturePayment.paymentId,
  causationId: '0b0e1f4e-2c52-4c1c-9a3e-6a3d1b1f0003',
  data: {
    ...fixturePayment,
    reason: 'insufficient_funds',
    detail: 'The transaction was mined and reverted: ERC20: transfer amount exceeds balance',
    authorizationSpent: false,
    transaction: fixtureTransaction,
    block: fixtureBlock,
    gas: {
      attempt: 1,
      relayer: fixtureRelayer,
      outcome: 'reverted',
      gasUsed: '40847',
      gasPrice: '1000000000',
      l1Fee: '0',
      fee: '40847000000000',
    },
  },
} as const;
