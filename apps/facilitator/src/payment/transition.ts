import { type EventOf, isPaymentEvent, type PaymentEvent, type QuittanceEvent } from '@quittance/events';

import { type PaymentProgress, type PaymentState, storableText } from './payment.js';

/** The events that tell what became of a payment. */
export type MovingEvent = Exclude<PaymentEvent, EventOf<'payment.accepted'>>;

const detailLengthMax = 500;

/** The event as one that tells what became of a payment, or undefined. */
export function asMovingEvent(event: QuittanceEvent): MovingEvent | undefined {
  return isPaymentEvent(event) && event.type !== 'payment.accepted' ? event : undefined;
}

/**
 * What an event makes of a payment; undefined when nothing changes. Total: events come late, twice or after the
 * chain has spoken, and none of that is an error. The chain wins: a confirmation counts whatever we believed before,
 * until the chain itself takes it back.
 */
export function transition(payment: PaymentProgress, event: MovingEvent): PaymentProgress | undefined {
  // Nobody was asked to settle it.
  if (payment.state === 'waived') return undefined;
  const progress = progressOf(payment, event);
  return progress === undefined ? undefined : { ...progress, lastEventId: idOf(event.id) };
}

type Progress = Omit<PaymentProgress, 'lastEventId'>;

function progressOf(payment: PaymentProgress, event: MovingEvent): Progress | undefined {
  switch (event.type) {
    case 'settlement.submitted':
    case 'settlement.replaced':
      return broadcast(payment, event.data.transaction);
    case 'settlement.confirmed':
      return confirmed(payment, event);
    case 'settlement.failed':
      return failed(payment, event);
    case 'settlement.reorged':
      return reorged(payment, event);
    case 'settlement.released':
      // Queued again, with the hash it had: the next attempt brings another.
      return undefined;
    case 'payment.expired':
      return payment.state === 'accepted' ? { ...payment, state: 'expired' } : undefined;
  }
}

function broadcast(payment: PaymentProgress, transaction: string): Progress | undefined {
  if (payment.state === 'confirmed' || payment.transaction === transaction) return undefined;
  if (payment.state === 'accepted' || payment.state === 'submitted') {
    return { ...payment, state: 'submitted', transaction };
  }
  // Given up already. The hash is kept all the same where there is none: what was broadcast is never forgotten.
  return payment.transaction === null ? { ...payment, transaction } : undefined;
}

function confirmed(
  payment: PaymentProgress,
  { data }: EventOf<'settlement.confirmed'>,
): Progress | undefined {
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

function failed(payment: PaymentProgress, { data }: EventOf<'settlement.failed'>): Progress | undefined {
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

/** Takes back the one event it names: if that is not what the payment stands on, it is old news. */
function reorged(payment: PaymentProgress, { data }: EventOf<'settlement.reorged'>): Progress | undefined {
  if (payment.state !== 'confirmed' && payment.state !== 'failed') return undefined;
  if (payment.lastEventId !== idOf(data.takesBack)) return undefined;
  return {
    state: 'submitted',
    reason: null,
    detail: null,
    transaction: payment.transaction ?? data.transaction,
    blockNumber: null,
    authorizationSpent: null,
  };
}

/** As the database writes it. */
function idOf(eventId: string): string {
  return eventId.toLowerCase();
}

/** The moves that the machine can make; the database's guard holds the same list. */
export const moves: Readonly<Record<PaymentState, readonly PaymentState[]>> = {
  accepted: ['submitted', 'confirmed', 'failed', 'expired'],
  submitted: ['confirmed', 'failed'],
  confirmed: ['submitted'],
  failed: ['confirmed', 'submitted'],
  expired: ['confirmed'],
  waived: [],
};
