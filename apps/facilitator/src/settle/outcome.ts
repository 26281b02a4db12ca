import { type ReasonCode, reasons, type SettleOutcome } from '@quittance/protocol';

import type { Payment } from '../payment/payment.js';

/** What a caller can be told of a payment now; `unknown` when nothing is out yet that could be named. */
export type SettleStanding =
  | { readonly kind: 'known'; readonly outcome: SettleOutcome }
  | { readonly kind: 'unknown'; readonly outcome: SettleOutcome & { readonly success: false } };

/** Reads a payment as the answer to `/settle`. The same payment in the same state always gives the same answer. */
export function standingOf(payment: Payment | { readonly state: 'waived' }): SettleStanding {
  if (payment.state === 'waived') return { kind: 'known', outcome: { success: true, transaction: '' } };
  const transaction = payment.transaction ?? '';
  switch (payment.state) {
    case 'confirmed':
      return { kind: 'known', outcome: { success: true, transaction } };
    case 'failed':
      return known(
        reasonOf(payment.reason),
        payment.detail ?? 'The payment could not be settled.',
        transaction,
      );
    case 'expired':
      return known(
        'payment_expired',
        'The authorization expired before the payment was in a block.',
        transaction,
      );
    case 'submitted':
      return known(
        'settlement_pending',
        'The transaction is broadcast and not confirmed yet: send the same request again.',
        transaction,
      );
    case 'accepted':
      return {
        kind: 'unknown',
        outcome: refusal(
          'settlement_pending',
          'The payment is accepted and not broadcast yet: send the same request again.',
          '',
        ),
      };
  }
}

function known(reason: ReasonCode, message: string, transaction: string): SettleStanding {
  return { kind: 'known', outcome: refusal(reason, message, transaction) };
}

function refusal(reason: ReasonCode, message: string, transaction: string) {
  return { success: false, reason, message, transaction } as const;
}

/** Reasons arrive as text from another service; one that is not in the vocabulary must not reach a client. */
function reasonOf(text: string | null): ReasonCode {
  return text !== null && Object.hasOwn(reasons, text) ? (text as ReasonCode) : 'unexpected_settle_error';
}
