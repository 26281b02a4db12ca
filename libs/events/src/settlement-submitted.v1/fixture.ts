import { fixturePayment, fixtureRelayer, fixtureTransaction } from '../fixture-payment.js';

export const settlementSubmittedFixture = {
  id: '0b0e1f4e-2c52-4c1c-9a3e-6a3d1b1f0003',
  type: 'settlement.submitted',
  version: 1,
  occurredAt: '2026-11-20T12:00:00.100Z',
  key: fixturePayment.paymentId,
  correlationId: fixturePayment.paymentId,
  causationId: '0b0e1f4e-2c52-4c1c-9a3e-6a3d1b1f0001',
  data: {
    ...fixturePayment,
    attempt: 1,
    relayer: fixtureRelayer,
    relayerNonce: '17',
    transaction: fixtureTransaction,
    batchSize: 1,
    gasLimit: '120000',
    gasPriceMax: '2000000000',
    gasReserve: '240000000000000',
  },
} as const;
