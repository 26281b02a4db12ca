import { z } from 'zod';

import { type Attempt, attemptOutcomes } from './attempt.js';
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
  method: z.enum(['eip3009', 'permit2']).describe('How the authorization moves the asset.'),
  network: z.string().describe('CAIP-2.'),
  asset: z.string().describe('Address of the token, lower case.'),
  payer: z.string(),
  payTo: z.string(),
  amount: digits.describe('What is settled: atomic units, decimal digits.'),
  ceiling: digits.nullable().describe('By upto: the most that the payer permitted.'),
  facilitator: z.string().nullable().describe('By upto: the one account that may settle it.'),
  sponsoring: z
    .enum(['eip2612', 'erc20_approval'])
    .nullable()
    .describe('What came along to give Permit2 its allowance.'),
  nonce: z.string(),
  validAfter: digits.describe('Seconds since 1970, decimal digits.'),
  validBefore: digits.describe('Seconds since 1970, decimal digits.'),
  transaction: z.string().nullable().describe('Hash of the newest transaction that carries it.'),
  blockNumber: digits.nullable(),
  final: z.boolean().describe('Confirmed in a block that the chain can no longer take back.'),
  reason: z.string().nullable().describe('Why it failed: a reason code.'),
  detail: z.string().nullable(),
  acceptedAt: instant,
  updatedAt: instant,
  attempts: z
    .array(
      z.object({
        attempt: z.int32().describe('Which of our transactions for this payment, from 1.'),
        version: z.int32().describe('From 1; a higher one replaced it at the same nonce, with a higher fee.'),
        transaction: z.string().describe('Its hash.'),
        relayer: z.string().nullable().describe('The account that sent it.'),
        relayerNonce: digits.nullable(),
        batchSize: z.int32().nullable().describe('Payments that the transaction carries.'),
        submittedAt: instant,
        outcome: z
          .enum(attemptOutcomes)
          .describe(
            'pending: in no block yet; settled: it moved the money; replaced: one with a higher fee went out; displaced: another transaction took its nonce; missed: mined without settling this payment; reverted: mined, all of it failed; reorged: its block left the chain.',
          ),
        blockNumber: digits.nullable(),
        fee: digits.nullable().describe('This payment’s part of what it cost, in wei.'),
      }),
    )
    .describe('Every transaction that was signed for it, in their order.'),
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

/** What is known of a payment beside its own row. */
export type PaymentHistory = {
  readonly attempts: readonly Attempt[];
  readonly transitions: readonly PaymentTransition[];
  /** The last final block of its chain, or null while none is known. */
  readonly finalBlock: bigint | null;
};

export function paymentView(
  payment: Payment,
  { attempts, transitions, finalBlock }: PaymentHistory,
): PaymentView {
  return {
    id: payment.id,
    state: payment.state,
    x402Version: payment.x402Version,
    scheme: payment.scheme,
    method: payment.method,
    network: payment.chainId,
    asset: payment.asset,
    payer: payment.payer,
    payTo: payment.payTo,
    amount: payment.amount.toString(10),
    ceiling: digitsOf(payment.ceiling),
    facilitator: payment.facilitator,
    sponsoring: payment.sponsoring,
    nonce: payment.nonce,
    validAfter: payment.validAfter.toString(10),
    validBefore: payment.validBefore.toString(10),
    transaction: payment.transaction,
    blockNumber: digitsOf(payment.blockNumber),
    final: isFinal(payment, finalBlock),
    reason: payment.reason,
    detail: payment.detail,
    acceptedAt: payment.acceptedAt.toISOString(),
    updatedAt: payment.updatedAt.toISOString(),
    attempts: attempts.map(attemptView),
    transitions: transitions.map(({ at, ...rest }) => ({ ...rest, at: at.toISOString() })),
  };
}

function isFinal({ state, blockNumber }: Payment, finalBlock: bigint | null): boolean {
  return state === 'confirmed' && blockNumber !== null && finalBlock !== null && blockNumber <= finalBlock;
}

function attemptView({
  outcomeEventId: _event,
  relayerNonce,
  submittedAt,
  blockNumber,
  fee,
  ...rest
}: Attempt): PaymentView['attempts'][number] {
  return {
    ...rest,
    relayerNonce: digitsOf(relayerNonce),
    submittedAt: submittedAt.toISOString(),
    blockNumber: digitsOf(blockNumber),
    fee: digitsOf(fee),
  };
}

function digitsOf(value: bigint | null): string | null {
  return value?.toString(10) ?? null;
}
