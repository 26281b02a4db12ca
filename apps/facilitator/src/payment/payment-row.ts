import type { QuittanceEvent } from '@quittance/events';
import { parseChainId } from '@quittance/money';
import type { PaymentId } from '@quittance/protocol';

import type { Reservation } from '../settle/settle.js';
import { identifierRetentionMs } from '../identifier/payment-identifier.js';
import { keyJson } from '../identifier/payment-identifier.repository.js';
import { verdictRow } from '../verdict/verdict-row.js';
import type { Payment, PaymentState, PaymentTerms } from './payment.js';

/** A row of `facilitator.payment` as `paymentColumns` selects it: numerics come as text. */
export type PaymentRow = {
  readonly id: string;
  readonly chain_id: string;
  readonly asset: string;
  readonly payer: string;
  readonly nonce: string;
  readonly pay_to: string;
  readonly amount: string;
  readonly valid_after: string;
  readonly valid_before: string;
  readonly x402_version: number;
  readonly network_as_written: string;
  readonly scheme: string;
  readonly resource: string | null;
  readonly fingerprint: string;
  readonly method: string;
  readonly facilitator: string | null;
  readonly ceiling: string | null;
  readonly sponsoring: string | null;
  readonly state: string;
  readonly reason: string | null;
  readonly detail: string | null;
  readonly transaction_hash: string | null;
  readonly block_number: string | null;
  readonly authorization_spent: boolean | null;
  readonly last_event_id: string;
  readonly accepted_at: Date;
  readonly updated_at: Date;
};

export const paymentColumns = `id::text AS id, chain_id, asset, payer, nonce, pay_to, amount::text AS amount,
  valid_after::text AS valid_after, valid_before::text AS valid_before, x402_version, network_as_written, scheme, resource,
  fingerprint, method, facilitator, ceiling::text AS ceiling, sponsoring, state, reason, detail, transaction_hash, block_number::text AS block_number, authorization_spent,
  last_event_id::text AS last_event_id, accepted_at, updated_at`;

/** The checks of the table vouch for what is cast here. */
export function paymentOf(row: PaymentRow): Payment {
  return {
    id: row.id as PaymentId,
    chainId: parseChainId(row.chain_id),
    asset: row.asset,
    payer: row.payer,
    nonce: row.nonce,
    payTo: row.pay_to,
    amount: BigInt(row.amount),
    validAfter: BigInt(row.valid_after),
    validBefore: BigInt(row.valid_before),
    x402Version: row.x402_version === 1 ? 1 : 2,
    networkAsWritten: row.network_as_written,
    scheme: row.scheme,
    resource: row.resource,
    fingerprint: row.fingerprint,
    method: row.method as PaymentTerms['method'],
    facilitator: row.facilitator,
    ceiling: row.ceiling === null ? null : BigInt(row.ceiling),
    sponsoring: row.sponsoring as PaymentTerms['sponsoring'],
    state: row.state as PaymentState,
    reason: row.reason,
    detail: row.detail,
    transaction: row.transaction_hash,
    blockNumber: row.block_number === null ? null : BigInt(row.block_number),
    authorizationSpent: row.authorization_spent,
    lastEventId: row.last_event_id,
    acceptedAt: row.accepted_at,
    updatedAt: row.updated_at,
  };
}

/** The event of a reservation, and where it goes. */
export type ToldReservation = {
  readonly event: QuittanceEvent;
  readonly place: { readonly topic: string; readonly partition: number; readonly key: string };
};

/** What `facilitator.reserve_many` takes for one payment; amounts as text, for JSON numbers stop at 2^53. */
export function reservationJson(
  { terms, balance, at, verdict, identifier }: Reservation,
  { event, place }: ToldReservation,
): string {
  return JSON.stringify({
    terms: reservedRow(terms, event.id),
    balance: balance.toString(10),
    at_block: at.number.toString(10),
    at_time: at.time.toString(10),
    landed: at.landed,
    verdict: verdictRow(verdict),
    ...(identifier === null ? {} : { identifier: keyJson(identifier, identifierRetentionMs) }),
    ...place,
    // As text: what is published later must be what was written here, to the letter.
    accepted: JSON.stringify(event),
  });
}

/** The row to be, by column. */
function reservedRow(terms: PaymentTerms, eventId: string): Readonly<Record<string, string | number | null>> {
  return {
    id: terms.id,
    chain_id: terms.chainId,
    asset: terms.asset,
    payer: terms.payer,
    nonce: terms.nonce,
    pay_to: terms.payTo,
    amount: terms.amount.toString(10),
    valid_after: terms.validAfter.toString(10),
    valid_before: terms.validBefore.toString(10),
    x402_version: terms.x402Version,
    network_as_written: terms.networkAsWritten,
    scheme: terms.scheme,
    resource: terms.resource,
    fingerprint: terms.fingerprint,
    method: terms.method,
    facilitator: terms.facilitator,
    ceiling: terms.ceiling?.toString(10) ?? null,
    sponsoring: terms.sponsoring,
    last_event_id: eventId,
  };
}
