import type { EvmScheme, PaymentMethod } from '@quittance/exact-evm';
import type { ChainId } from '@quittance/money';
import type { PaymentId } from '@quittance/protocol';

import type { Settled, Watched } from './outcome.js';
import type { Hex, Payment, PaymentState } from './payment.js';
import { sponsoringOf, type SponsoringText } from './sponsoring.js';

/** A row of settlement.payment as `paymentColumns` selects it: numbers that may pass 2^53 as text. */
export type PaymentRow = {
  readonly payment_id: PaymentId;
  readonly chain_id: ChainId;
  readonly scheme: EvmScheme;
  readonly method: PaymentMethod;
  readonly asset: Hex;
  readonly payer: Hex;
  readonly pay_to: Hex;
  readonly amount: string;
  readonly ceiling: string | null;
  readonly valid_after: string;
  readonly valid_before: string;
  readonly nonce: Hex;
  readonly signature: Hex;
  readonly facilitator: Hex | null;
  readonly sponsoring: SponsoringText | null;
  readonly state: PaymentState;
  readonly attempts: number;
  readonly faults: number;
  readonly spent_seen_at: string | null;
  readonly batch_limit: number;
  readonly reorgs: number;
  readonly last_event_id: string;
  readonly outcome_event_id: string | null;
  readonly accepted_seconds: string;
  readonly accepted_ms: string;
  readonly failure_reason: string | null;
  readonly settled_by: 'us' | 'other' | null;
  readonly settled_transaction: Hex | null;
  readonly settled_block_number: string | null;
  readonly settled_block_hash: Hex | null;
  readonly settled_block_time: string | null;
  readonly settled_log_index: number | null;
};

export const paymentColumns = `
  p.payment_id::text, p.chain_id, p.scheme, p.method, p.asset, p.payer, p.pay_to, p.amount::text, p.ceiling::text,
  p.valid_after::text, p.valid_before::text, p.nonce, p.signature, p.facilitator, p.sponsoring, p.state, p.attempts, p.faults, p.spent_seen_at::text, p.batch_limit, p.reorgs,
  p.last_event_id::text, p.outcome_event_id::text,
  floor(extract(epoch FROM p.accepted_at))::bigint::text AS accepted_seconds,
  floor(extract(epoch FROM p.accepted_at) * 1000)::bigint::text AS accepted_ms, p.failure_reason,
  p.settled_by, p.settled_transaction, p.settled_block_number::text, p.settled_block_hash, p.settled_block_time::text,
  p.settled_log_index`;

/** A queued payment, with what was noted about it while it waited. */
export type QueuedPayment = Payment & {
  /** Batches that it was signed into so far. */
  readonly attempts: number;
  /** Payments at most in the next one, itself included. */
  readonly batchLimit: number;
  /** How often blocks that told something of it left the chain. */
  readonly reorgs: number;
  readonly faults: number;
  readonly spentSeenAt: bigint | null;
  readonly acceptedSeconds: bigint;
};

export function paymentOf(row: PaymentRow): Payment {
  return {
    paymentId: row.payment_id,
    chainId: row.chain_id,
    scheme: row.scheme,
    method: row.method,
    asset: row.asset,
    payer: row.payer,
    payTo: row.pay_to,
    amount: BigInt(row.amount),
    ceiling: BigInt(row.ceiling ?? row.amount),
    validAfter: BigInt(row.valid_after),
    validBefore: BigInt(row.valid_before),
    nonce: row.nonce,
    signature: row.signature,
    facilitator: row.facilitator,
    sponsoring: row.sponsoring === null ? null : sponsoringOf(row.sponsoring),
  };
}

export function queuedOf(row: PaymentRow): QueuedPayment {
  return {
    ...paymentOf(row),
    attempts: row.attempts,
    batchLimit: row.batch_limit,
    reorgs: row.reorgs,
    faults: row.faults,
    spentSeenAt: row.spent_seen_at === null ? null : BigInt(row.spent_seen_at),
    acceptedSeconds: BigInt(row.accepted_seconds),
  };
}

/** A payment with the numbers of its attempts that are outstanding, ascending. */
export function watchedOf(row: PaymentRow, underWay: readonly number[]): Watched {
  return {
    payment: paymentOf(row),
    acceptedMs: Number(row.accepted_ms),
    standing: { state: row.state, attempts: row.attempts, underWay },
    lastEventId: row.last_event_id,
    outcomeEventId: row.outcome_event_id,
    settled: settledOf(row),
    failureReason: row.failure_reason,
    batchLimit: row.batch_limit,
    reorgs: row.reorgs,
  };
}

function settledOf(row: PaymentRow): Settled | null {
  const {
    settled_by: by,
    settled_transaction: transaction,
    settled_block_hash: hash,
    settled_log_index: logIndex,
  } = row;
  if (by === null || transaction === null || hash === null || logIndex === null) return null;
  return {
    by,
    landing: {
      transaction,
      logIndex,
      block: {
        number: BigInt(row.settled_block_number ?? 0),
        hash,
        time: BigInt(row.settled_block_time ?? 0),
      },
    },
  };
}
