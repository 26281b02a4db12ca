import { randomUUID } from 'node:crypto';

import type { Sql } from '@quittance/database';
import { createEvent, digits, type EventOf } from '@quittance/events';

import { blockRef } from '../payment/finding.js';
import type { TopUp } from '../sponsoring/top-up.js';
import type { BatchEnd } from './batch-end.js';

type MinedEnd = Extract<BatchEnd, { readonly type: 'mined' }>;

type Filled = EventOf<'settlement.filled'>;

/** The events that tell of batches which ended and carried nothing, and the writing of all that ended, under way. */
export type WrittenEnds = { readonly filled: readonly Filled[]; readonly written: Promise<unknown> };

/** Writes how batches ended that {@link lockOpen} gave. */
export function writeEnds(sql: Sql, open: readonly BatchEnd[]): WrittenEnds {
  const mined = open.filter((end): end is MinedEnd => end.type === 'mined');
  const displaced = open.filter(({ type }) => type === 'displaced');
  const filled = new Map(
    mined.filter(({ batch }) => batch.members.length === 0).map((end) => [end, filledEvent(end)] as const),
  );
  const filledOf = (end: MinedEnd): string | null => filled.get(end)?.id ?? null;
  const written = Promise.all([
    mined.length > 0 && sql(writeMined, minedValues(mined, filledOf)),
    displaced.length > 0 && sql(writeDisplaced, [displaced.map(({ batch }) => batch.batchId)]),
  ]);
  return { filled: [...filled.values()], written };
}

/** Those of the ends that are news, each batch locked in the order of their ids. */
export async function lockOpen(sql: Sql, ends: readonly BatchEnd[]): Promise<readonly BatchEnd[]> {
  if (ends.length === 0) return [];
  const rows = await sql<{ batch_id: string; state: string }>(lockUnmined, [
    ends.map(({ batch }) => batch.batchId),
  ]);
  const states = new Map(rows.map(({ batch_id, state }) => [batch_id, state]));
  return ends.filter(({ type, batch: { batchId } }) => {
    const state = states.get(batchId);
    return state === 'outstanding' || (state === 'displaced' && type === 'mined');
  });
}

function filledEvent({ batch, transaction, succeeded, block, cost }: MinedEnd): Filled {
  return createEvent({
    id: randomUUID(),
    type: 'settlement.filled',
    occurredAt: new Date(),
    causationId: batch.filledEventId,
    data: {
      chainId: batch.chainId,
      relayer: batch.relayer,
      relayerNonce: digits(batch.nonce),
      transaction,
      block: blockRef(block),
      gasUsed: digits(cost.gasUsed),
      gasPrice: digits(cost.gasPrice),
      fee: digits(cost.fee),
      takesBack: batch.filledEventId,
      ...(batch.topUp === null ? {} : { topUp: given(batch.topUp, succeeded) }),
    },
  });
}

function given({ paymentId, account, wei }: TopUp, succeeded: boolean) {
  return { paymentId, account, amount: digits(succeeded ? wei : 0n) };
}

function minedValues(mined: readonly MinedEnd[], filledEventId: (end: MinedEnd) => string | null): unknown[] {
  return [
    mined.map(({ batch }) => batch.batchId),
    mined.map(({ transaction }) => transaction),
    mined.map(({ succeeded }) => succeeded),
    mined.map(({ block }) => block.number),
    mined.map(({ block }) => block.hash),
    mined.map(({ block }) => block.time),
    mined.map(({ cost }) => cost.gasUsed),
    mined.map(({ cost }) => cost.gasPrice),
    mined.map(({ cost }) => cost.l1Fee),
    mined.map(({ cost }) => cost.fee),
    mined.map(filledEventId),
  ];
}

const lockUnmined = `
  SELECT batch_id::text, state FROM settlement.batch WHERE batch_id = ANY ($1::bigint[])
  ORDER BY settlement.batch.batch_id FOR NO KEY UPDATE`;

const writeMined = `
  UPDATE settlement.batch b
  SET state = 'mined', mined_hash = w.mined_hash, succeeded = w.succeeded, block_number = w.block_number,
      block_hash = w.block_hash, block_time = w.block_time, gas_used = w.gas_used, gas_price = w.gas_price,
      l1_fee = w.l1_fee, fee = w.fee, filled_event_id = coalesce(w.filled_event_id, b.filled_event_id), updated_at = now()
  FROM unnest($1::bigint[], $2::text[], $3::boolean[], $4::bigint[], $5::text[], $6::bigint[], $7::numeric[], $8::numeric[],
              $9::numeric[], $10::numeric[], $11::uuid[])
    AS w (batch_id, mined_hash, succeeded, block_number, block_hash, block_time, gas_used, gas_price, l1_fee, fee, filled_event_id)
  WHERE b.batch_id = w.batch_id`;

const writeDisplaced = `
  UPDATE settlement.batch SET state = 'displaced', updated_at = now() WHERE batch_id = ANY ($1::bigint[])`;
