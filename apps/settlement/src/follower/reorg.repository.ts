import { randomUUID } from 'node:crypto';

import type { Database, Sql } from '@quittance/database';
import type { ChainId } from '@quittance/money';
import { crashPoint } from '@quittance/observability';
import type { PaymentId } from '@quittance/protocol';

import type { BatchId } from '../batch/batch.js';
import { lockWatched, writeChanges } from '../payment/watched.repository.js';
import { takeBack, type TakenBack } from '../payment/outcome.js';
import type { Hex } from '../payment/payment.js';
import type { Told } from '../payment/settlement-event.js';
import type { BlockId } from './follower.repository.js';

/** What a reorganization took back. */
export type ReorgExtent = { readonly batches: number; readonly payments: number; readonly events: number };

/** Takes back what blocks said that have left the chain. */
export class ReorgRepository {
  constructor(private readonly database: Database) {}

  /**
   * Moves the cursor back from `cursor` to `ancestor` and takes back all that the blocks between said, with the events
   * that tell it, in one transaction. Null when another process has moved the cursor in the meantime.
   */
  async takeBack(
    chainId: ChainId,
    { cursor, ancestor }: { readonly cursor: BlockId; readonly ancestor: BlockId },
  ): Promise<ReorgExtent | null> {
    crashPoint('settlement.reorg-found');
    const extent = await this.database.transaction(async ({ sql }) => {
      const move = [chainId, cursor.number, cursor.hash, ancestor.number, ancestor.hash];
      if ((await sql(moveBack, move)).length === 0) return null;
      await sql(forgetAbove, [chainId, ancestor.number]);
      return takeBackAbove(sql, chainId, ancestor.number);
    });
    crashPoint('settlement.reorg-committed');
    return extent;
  }
}

async function takeBackAbove(sql: Sql, chainId: ChainId, ancestor: bigint): Promise<ReorgExtent> {
  const batches = await sql<MinedRow>(lockMined, [chainId, ancestor]);
  const batchIds = batches.map(({ batch_id }) => batch_id);
  if (batches.length > 0) await sql(reopen, [batchIds]);
  const ended = batches.length === 0 ? [] : await sql<EndedRow>(readEnded, [batchIds]);
  const confirmed = await sql<{ payment_id: PaymentId }>(readConfirmed, [chainId, ancestor]);
  const goneOf = goneByPayment(batches, ended);
  const ids = new Set([...goneOf.keys(), ...confirmed.map(({ payment_id }) => payment_id)]);
  const { payments } = await lockWatched(sql, [...ids]);
  const at = new Date();
  const stamp = () => ({ id: randomUUID(), at });
  const taken = [...payments].map(([paymentId, watched]) => ({
    paymentId,
    ...takeBack(watched, { attempts: goneOf.get(paymentId) ?? [] }, { ancestor, stamp }),
  }));
  const events = taken.flatMap((each) => each.events);
  await writeChanges(sql, {
    payments: taken.map(({ watched }) => watched),
    attempts: taken.flatMap(({ paymentId, attempts }) => attempts.map((each) => ({ paymentId, ...each }))),
    events,
  });
  return { batches: batches.length, payments: taken.length, events: events.length };
}

function goneByPayment(
  batches: readonly MinedRow[],
  ended: readonly EndedRow[],
): ReadonlyMap<PaymentId, TakenBack['attempts']> {
  const minedOf = new Map(batches.map((row) => [row.batch_id, row]));
  const gone = new Map<PaymentId, { n: number; told: Told }[]>();
  for (const { payment_id: paymentId, n, batch_id, event_id: eventId } of ended) {
    const mined = minedOf.get(batch_id);
    if (mined === undefined) continue;
    const block = {
      number: BigInt(mined.block_number),
      hash: mined.block_hash,
      time: BigInt(mined.block_time),
    };
    const attempts = gone.get(paymentId) ?? [];
    gone.set(paymentId, attempts);
    attempts.push({ n, told: { eventId, transaction: mined.mined_hash, block } });
  }
  return gone;
}

type MinedRow = {
  readonly batch_id: BatchId;
  readonly mined_hash: Hex;
  readonly block_number: string;
  readonly block_hash: Hex;
  readonly block_time: string;
};

type EndedRow = {
  readonly payment_id: PaymentId;
  readonly n: number;
  readonly batch_id: BatchId;
  readonly event_id: string;
};

const moveBack = `
  UPDATE settlement.follower_cursor SET block_number = $4::bigint, block_hash = $5, updated_at = now()
  WHERE chain_id = $1 AND block_number = $2::bigint AND block_hash = $3 RETURNING chain_id`;

const forgetAbove = 'DELETE FROM settlement.block WHERE chain_id = $1 AND block_number > $2::bigint';

const lockMined = `
  SELECT batch_id::text, mined_hash, block_number::text, block_hash, block_time::text FROM settlement.batch
  WHERE chain_id = $1 AND state = 'mined' AND block_number > $2::bigint
  ORDER BY settlement.batch.batch_id FOR NO KEY UPDATE`;

const reopen = `
  UPDATE settlement.batch
  SET state = 'outstanding', mined_hash = NULL, succeeded = NULL, block_number = NULL, block_hash = NULL, block_time = NULL,
      gas_used = NULL, gas_price = NULL, l1_fee = NULL, fee = NULL, updated_at = now()
  WHERE batch_id = ANY ($1::bigint[])`;

const readEnded = `
  SELECT payment_id::text, n, batch_id::text, event_id::text FROM settlement.attempt
  WHERE batch_id = ANY ($1::bigint[]) AND state IN ('landed', 'missed', 'reverted') ORDER BY payment_id, n`;

const readConfirmed = `
  SELECT payment_id::text FROM settlement.payment
  WHERE chain_id = $1 AND state = 'confirmed' AND settled_block_number > $2::bigint`;
