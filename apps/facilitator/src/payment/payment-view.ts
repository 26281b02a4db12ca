import { z } from 'zod';

import { type Payment, paymentStates } from './payment.js';

/** One change of state, from the audit trail. */
export type PaymentTransition = {
  readonly from: string | null;
  readonly to: string;
  readonly eventId: string;
  readonly reason: string | null;
  readonly transaction: string | null;
  readonly at: Date;
};

const digits = z.string().describe('Decimal digits.');
const instant = z.string().describe('UTC, ISO 8601.');

/** `GET /payments/{id}`: who pays whom how much of what, and how far it got. No signature: whoever has it can charge. */
export const paymentViewSchema = z.object({
  id: z.uuid(),
  state: z.enum(paymentStates),
  x402Version: z.union([z.literal(1), z.literal(2)]),
  scheme: z.string(),
  network: z.string().describe('CAIP-2.'),
  asset: z.string().describe('Address of the token, lower case.'),
  payer: z.string(),
  payTo: z.string(),
  amount: digits.describe('Atomic units, decimal digits.'),
  nonce: z.string(),
  validAfter: digits.describe('Seconds since 1970, decimal digits.'),
  validBefore: digits.describe('Seconds since 1970, decimal digits.'),
  transaction: z.string().nullable().describe('Hash of the newest transaction that carries it.'),
  blockNumber: digits.nullable(),
  reason: z.string().nullable().describe('Why it failed: a reason code.'),
  detail: z.string().nullable(),
  acceptedAt: instant,
  updatedAt: instant,
  transitions: z.array(
    z.object({
      from: z.string().nullable(),
      to: z.string(),
      eventId: z.uuid(),
      reason: z.string().nullable(),
      transaction: z.string().nullable(),
      at: instant,
    }),
  ),
});

export type PaymentView = z.output<typeof paymentViewSchema>;

export function paymentView(payment: Payment, transitions: readonly PaymentTransition[]): PaymentView {
  return {
    id: payment.id,
    state: payment.state,
    x402Version: payment.x402Version,
    scheme: payment.scheme,
    network: payment.chainId,
    asset: payment.asset,
    payer: payment.payer,
    payTo: payment.payTo,
    amount: payment.amount.toString(10),
    nonce: payment.nonce,
    validAfter: payment.validAfter.toString(10),
    validBefore: payment.validBefore.toString(10),
    transaction: payment.transaction,
    blockNumber: payment.blockNumber?.toString(10) ?? null,
    reason: payment.reason,
    detail: payment.detail,
    acceptedAt: payment.acceptedAt.toISOString(),
    updatedAt: payment.updatedAt.toISOString(),
    transitions: transitions.map(({ at, ...rest }) => ({ ...rest, at: at.toISOString() })),
  };
}
