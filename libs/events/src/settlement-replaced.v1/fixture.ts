import { fixturePayment, fixtureTransaction } from '../fixture-payment.js';

export const settlementReplacedFixture = {
  id: '0b0e1f4e-2c52-4c1c-9a3e-6a3d1b1f0006',
  type: 'settlement.replaced',
  version: 1,
  occurredAt: '2026-11-20T12:00:03.000Z',
  key: fixturePayment.paymentId,
  correlationId: fixturePayment.paymentId,
  causationId: '0b0e1f4e-2c52-4c1c-9a3e-6a3d1b1f0003',
  data: {
    ...fixturePayment,
    attempt: 1,
    version: 2,
    transaction: `0x${'7b'.repeat(32)}`,
    replaces: fixtureTransaction,
    gasPriceMax: '2250000000',
    gasReserve: '270000000000000',
  },
} as const;
