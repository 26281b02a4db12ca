import type { Attempt, AttemptOutcome } from './attempt.js';

/** An attempt as `attemptsColumn` selects it: everything that could lose digits comes as text. */
export type AttemptRow = {
  readonly attempt: number;
  readonly version: number;
  readonly transaction_hash: string;
  readonly relayer: string | null;
  readonly relayer_nonce: string | null;
  readonly batch_size: number | null;
  readonly submitted_at: string;
  readonly outcome: string;
  readonly outcome_event_id: string | null;
  readonly block_number: string | null;
  readonly fee: string | null;
};

/** The attempts of each selected row of `facilitator.payment`, in their order; null where there are none. */
export const attemptsColumn = `(SELECT json_agg(json_build_object(
     'attempt', a.attempt, 'version', a.version, 'transaction_hash', a.transaction_hash, 'relayer', a.relayer,
     'relayer_nonce', a.relayer_nonce::text, 'batch_size', a.batch_size, 'submitted_at', a.submitted_at,
     'outcome', a.outcome, 'outcome_event_id', a.outcome_event_id, 'block_number', a.block_number::text,
     'fee', a.fee::text) ORDER BY a.attempt, a.version)
   FROM facilitator.payment_attempt a WHERE a.payment_id = facilitator.payment.id)`;

/** The checks of the table vouch for what is cast here. */
export function attemptOf(row: AttemptRow): Attempt {
  return {
    attempt: row.attempt,
    version: row.version,
    transaction: row.transaction_hash,
    relayer: row.relayer,
    relayerNonce: row.relayer_nonce === null ? null : BigInt(row.relayer_nonce),
    batchSize: row.batch_size,
    submittedAt: new Date(row.submitted_at),
    outcome: row.outcome as AttemptOutcome,
    outcomeEventId: row.outcome_event_id,
    blockNumber: row.block_number === null ? null : BigInt(row.block_number),
    fee: row.fee === null ? null : BigInt(row.fee),
  };
}

export type KeptAttempt = { readonly paymentId: string; readonly attempt: Attempt };

/** Writes attempts that are new, and what came of those that are not; its parameters begin at `$first`. */
export function keepAttemptsFrom(first: number): string {
  const types = 'uuid int int text text numeric int timestamptz text uuid bigint numeric'.split(' ');
  return `INSERT INTO facilitator.payment_attempt (payment_id, attempt, version, transaction_hash, relayer,
            relayer_nonce, batch_size, submitted_at, outcome, outcome_event_id, block_number, fee)
     SELECT * FROM unnest(${types.map((type, index) => `$${first + index}::${type}[]`).join(', ')})
     ON CONFLICT (payment_id, attempt, version) DO UPDATE
       SET outcome = excluded.outcome, outcome_event_id = excluded.outcome_event_id,
           block_number = excluded.block_number, fee = excluded.fee`;
}

/** The parameters of {@link keepAttemptsFrom}. */
export function attemptValues(kept: readonly KeptAttempt[]): unknown[] {
  const column = <Field extends keyof Attempt>(field: Field) => kept.map(({ attempt }) => attempt[field]);
  const digits = (field: 'relayerNonce' | 'blockNumber' | 'fee') =>
    column(field).map((value) => value?.toString(10) ?? null);
  return [
    kept.map(({ paymentId }) => paymentId),
    column('attempt'),
    column('version'),
    column('transaction'),
    column('relayer'),
    digits('relayerNonce'),
    column('batchSize'),
    column('submittedAt').map((at) => at.toISOString()),
    column('outcome'),
    column('outcomeEventId'),
    digits('blockNumber'),
    digits('fee'),
  ];
}
