import type { EventOf, QuittanceEvent } from '@quittance/events';

import { type PaymentProgress, type PaymentState, storableText } from './payment.js';

/** The events that move a payment. */
export type PaymentEvent =
  | EventOf<'settlement.submitted'>
  | EventOf<'settlement.confirmed'>
  | EventOf<'settlement.failed'>
  | EventOf<'payment.expired'>;

const detailLengthMax = 500;

/** The event as one that moves a payment, or undefined. */
export function asPaymentEvent(event: QuittanceEvent): PaymentEvent | undefined {
  return event.type === 'payment.accepted' ? undefined : event;
}

/**
 * What an event makes of a payment; undefined when nothing changes. Total: events come late, twice or after the
 * chain has spoken, and none of that is an error. The chain wins: a confirmation counts whatever we believed before.
 */
export function transition(payment: PaymentProgress, event: PaymentEvent): PaymentProgress | undefined {
  switch (event.type) {
    case 'settlement.submitted':
      return submitted(payment, event);
    case 'settlement.confirmed':
      return confirmed(payment, event);
    case 'settlement.failed':
      return failed(payment, event);
    case 'payment.expired':
      return payment.state === 'accepted' ? { ...payment, state: 'expired' } : undefined;
  }
}

function submitted(
  payment: PaymentProgress,
  { data }: EventOf<'settlement.submitted'>,
): PaymentProgress | undefined {
  if (payment.state === 'confirmed' || payment.transaction === data.transaction) return undefined;
  if (payment.state === 'accepted' || payment.state === 'submitted') {
    return { ...payment, state: 'submitted', transaction: data.transaction };
  }
  // Given up already. The hash is kept all the same where there is none: what was broadcast is never forgotten.
  return payment.transaction === null ? { ...payment, transaction: data.transaction } : undefined;
}

function confirmed(
  payment: PaymentProgress,
  { data }: EventOf<'settlement.confirmed'>,
): PaymentProgress | undefined {
  if (payment.state === 'confirmed') return undefined;
  return {
    state: 'confirmed',
    reason: null,
    detail: null,
    transaction: data.transaction,
    blockNumber: BigInt(data.block.number),
    authorizationSpent: true,
  };
}

function failed(
  payment: PaymentProgress,
  { data }: EventOf<'settlement.failed'>,
): PaymentProgress | undefined {
  if (payment.state !== 'accepted' && payment.state !== 'submitted') return undefined;
  return {
    state: 'failed',
    reason: data.reason,
    detail: storableText(data.detail, detailLengthMax),
    transaction: data.transaction ?? payment.transaction,
    blockNumber: data.block === null ? null : BigInt(data.block.number),
    authorizationSpent: data.authorizationSpent,
  };
}

/** The moves that the machine can make; the database's guard holds the same list. */
export const moves: Readonly<Record<PaymentState, readonly PaymentState[]>> = {
  accepted: ['submitted', 'confirmed', 'failed', 'expired'],
  submitted: ['confirmed', 'failed'],
  confirmed: [],
  failed: ['confirmed'],
  expired: ['confirmed'],
};
