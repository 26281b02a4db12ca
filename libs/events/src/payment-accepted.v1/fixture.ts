import { fixturePayment, fixtureRelayer } from '../fixture-payment.js';

export const paymentAcceptedFixture = {
  id: '0b0e1f4e-2c52-4c1c-9a3e-6a3d1b1f0001',
  type: 'payment.accepted',
  version: 1,
  occurredAt: '2026-11-20T12:00:00.000Z',
  key: fixturePayment.paymentId,
  correlationId: fixturePayment.paymentId,
  causationId: null,
  data: {
    ...fixturePayment,
    x402Version: 2,
    scheme: 'exact',
    method: 'eip3009',
    resource: 'https://shop.example/weather',
    authorization: {
      from: fixturePayment.payer,
      to: fixturePayment.payTo,
      value: fixturePayment.amount,
      validAfter: '0',
      validBefore: '1795032300',
      nonce: `0x${'0c'.repeat(32)}`,
    },
    signature: `0x${'5e'.repeat(64)}1b`,
  },
} as const;

const { data, ...envelope } = paymentAcceptedFixture;
const sponsored = {
  from: fixturePayment.payer,
  asset: '0x036cbd53842c5426634e7929541ec2318f3dcf7e',
  spender: '0x000000000022d473030f116ddee9f6b43ac78ba3',
} as const;
const permit2 = { ...data, method: 'permit2' } as const;

/** What version 1 has learned to say since, frozen too: the fixture above knows EIP-3009 and accounts only. */
export const paymentAcceptedVariants = {
  'a wallet that signs by ERC-1271': { ...envelope, data: { ...data, signature: '0x' } },
  'a wallet to be deployed': {
    ...envelope,
    data: { ...data, signature: `0x${'fa'.repeat(700)}${'6492'.repeat(16)}` },
  },
  'exact with Permit2': { ...envelope, data: permit2 },
  'exact with Permit2 and an EIP-2612 permit': {
    ...envelope,
    data: {
      ...permit2,
      sponsoring: {
        kind: 'eip2612',
        ...sponsored,
        amount: fixturePayment.amount,
        nonce: '3',
        deadline: '1795032300',
        signature: `0x${'26'.repeat(64)}1c`,
      },
    },
  },
  'exact with Permit2 and a signed approval': {
    ...envelope,
    data: {
      ...permit2,
      sponsoring: {
        kind: 'erc20_approval',
        ...sponsored,
        amount: '115792089237316195423570985008687907853269984665640564039457584007913129639935',
        signedTransaction: `0x02f8${'b0'.repeat(178)}`,
      },
    },
  },
  'upto for less than permitted': {
    ...envelope,
    data: {
      ...permit2,
      scheme: 'upto',
      amount: '2500',
      facilitator: fixtureRelayer,
    },
  },
} as const;
