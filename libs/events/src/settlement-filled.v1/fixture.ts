import { fixtureBlock, fixturePayment, fixtureRelayer, fixtureTransaction } from '../fixture-payment.js';

export const settlementFilledFixture = {
  id: '0b0e1f4e-2c52-4c1c-9a3e-6a3d1b1f0012',
  type: 'settlement.filled',
  version: 1,
  occurredAt: '2026-11-20T12:00:03.000Z',
  key: fixturePayment.chainId,
  correlationId: fixturePayment.chainId,
  causationId: null,
  data: {
    chainId: fixturePayment.chainId,
    relayer: fixtureRelayer,
    relayerNonce: '17',
    transaction: fixtureTransaction,
    block: fixtureBlock,
    gasUsed: '21000',
    gasPrice: '1000000000',
    fee: '21000000000000',
    takesBack: null,
  },
} as const;
