import { randomUUID } from 'node:crypto';

import type { Database } from '@quittance/database';
import { createEvent, digits, type EventOf } from '@quittance/events';
import { emitEvents } from '@quittance/messaging';
import type { ChainId } from '@quittance/money';

import { paymentColumns, paymentOf, type PaymentRow } from '../payment/payment-row.js';
import type { Hex } from '../payment/payment.js';
import { paymentData } from '../payment/settlement-event.js';
import { LeaseLostError } from '../relayer/lease-lost.error.js';
import type { LeasedRelayer } from '../relayer/lease.js';
import { gasReserves } from './batch.repository.js';
import type { BatchId, SignedTransaction, Slot } from './batch.js';

/** A batch that is still on its way, with its newest transaction. */
export type LateBatch = Slot & {
  readonly batchId: BatchId;
  readonly size: number;
  readonly gasLimit: bigint;
  readonly signedAt: bigint;
  readonly hash: Hex;
  readonly raw: Hex;
  readonly version: number;
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
};

export type Successor = {
  readonly batch: LateBatch;
  readonly signer: LeasedRelayer;
  readonly transaction: SignedTransaction;
  readonly head: bigint;
};

type LateRow = {
  readonly batch_id: BatchId;
  readonly relayer: Hex;
  readonly nonce: string;
  readonly size: number;
  readonly gas_limit: string;
  readonly signed_at: string;
  readonly hash: Hex;
  readonly raw: Hex;
  readonly version: number;
  readonly max_fee_per_gas: string;
  readonly max_priority_fee_per_gas: string;
};

type MemberRow = PaymentRow & { readonly n: number; readonly position: number };

/** Batches that are late, and the transactions that replace theirs: stored before anybody sees them. */
export class ReplaceRepository {
  /** @param holder Names this process among those that share the relayers' keys. */
  constructor(
    private readonly database: Database,
    private readonly holder: string,
  ) {}

  /** Those of some relayers whose newest transaction was signed at a head or before, lowest nonces first. */
  async late(chainId: ChainId, relayers: readonly Hex[], signedBy: bigint): Promise<LateBatch[]> {
    const rows = await this.database.sql<LateRow>(readLate, [chainId, relayers, signedBy]);
    return rows.map((row) => ({
      chainId,
      relayer: row.relayer,
      nonce: BigInt(row.nonce),
      batchId: row.batch_id,
      size: row.size,
      gasLimit: BigInt(row.gas_limit),
      signedAt: BigInt(row.signed_at),
      hash: row.hash,
      raw: row.raw,
      version: row.version,
      maxFeePerGas: BigInt(row.max_fee_per_gas),
      maxPriorityFeePerGas: BigInt(row.max_priority_fee_per_gas),
    }));
  }

  /**
   * Stores the next version of a batch, with the events that tell of it. False when the batch has come to its end, or to
   * another version, in the meantime.
   *
   * @throws LeaseLostError when another process may sign with the key by now.
   */
  async replace({ batch, signer, transaction, head }: Successor): Promise<boolean> {
    return this.database.transaction(async ({ sql }) => {
      const { chainId, relayer } = batch;
      const leased = await sql(lockLease, [chainId, relayer, this.holder, signer.token]);
      if (leased.length === 0) throw new LeaseLostError(chainId, relayer);
      const locked = await sql(lockBatch, [batch.batchId, batch.version]);
      if (locked.length === 0) return false;
      const members = await sql<MemberRow>(lockMembers, [batch.batchId]);
      const events = replacedEvents(batch, transaction, members);
      await sql(storeVersion, [
        batch.batchId,
        transaction.version,
        transaction.hash,
        transaction.raw,
        transaction.maxFeePerGas,
        transaction.maxPriorityFeePerGas,
        head,
        members.map((member) => member.payment_id),
        events.map(({ id }) => id),
      ]);
      await emitEvents(sql, 'settlement', events);
      return true;
    });
  }
}

function replacedEvents(
  batch: LateBatch,
  transaction: SignedTransaction,
  members: readonly MemberRow[],
): EventOf<'settlement.replaced'>[] {
  if (members.length === 0) return [];
  const occurredAt = new Date();
  const reserves = gasReserves(batch.gasLimit, transaction.maxFeePerGas, batch.size);
  return members.map((member) =>
    createEvent({
      id: randomUUID(),
      type: 'settlement.replaced',
      occurredAt,
      causationId: member.last_event_id,
      data: {
        ...paymentData(paymentOf(member)),
        attempt: member.n,
        version: transaction.version,
        transaction: transaction.hash,
        replaces: batch.hash,
        gasPriceMax: digits(transaction.maxFeePerGas),
        gasReserve: digits(reserves[member.position] ?? 0n),
      },
    }),
  );
}

const lateMax = 32;

const readLate = `
  SELECT b.batch_id::text, b.relayer, b.nonce::text, b.size, b.gas_limit::text, b.signed_at::text, t.hash, t.raw, t.version,
         t.max_fee_per_gas::text, t.max_priority_fee_per_gas::text
  FROM settlement.batch b
  JOIN LATERAL (
    SELECT * FROM settlement.transaction t WHERE t.batch_id = b.batch_id ORDER BY t.version DESC LIMIT 1) t ON true
  WHERE b.chain_id = $1 AND b.relayer = ANY ($2::text[]) AND b.state = 'outstanding' AND b.signed_at <= $3::bigint
  ORDER BY b.nonce LIMIT ${lateMax}`;

const lockLease = `
  SELECT FROM settlement.relayer
  WHERE chain_id = $1 AND address = $2 AND lease_holder = $3::uuid AND lease_token = $4::bigint AND lease_until > clock_timestamp()
  FOR NO KEY UPDATE`;

const lockBatch = `
  SELECT FROM settlement.batch b
  WHERE b.batch_id = $1::bigint AND b.state = 'outstanding'
    AND NOT EXISTS (SELECT FROM settlement.transaction t WHERE t.batch_id = b.batch_id AND t.version > $2::int)
  FOR NO KEY UPDATE`;

const lockMembers = `
  SELECT ${paymentColumns}, a.n, a.position
  FROM settlement.attempt a JOIN settlement.payment p USING (payment_id)
  WHERE a.batch_id = $1::bigint AND a.state = 'outstanding'
  ORDER BY p.payment_id FOR NO KEY UPDATE OF p`;

const storeVersion = `
  WITH version AS (
    INSERT INTO settlement.transaction (batch_id, version, hash, raw, max_fee_per_gas, max_priority_fee_per_gas)
    VALUES ($1::bigint, $2::int, $3, $4, $5::numeric, $6::numeric)
  ), batch AS (
    UPDATE settlement.batch SET signed_at = $7::bigint, updated_at = now() WHERE batch_id = $1::bigint
  )
  UPDATE settlement.payment p SET last_event_id = m.event_id, updated_at = now()
  FROM unnest($8::uuid[], $9::uuid[]) AS m (payment_id, event_id)
  WHERE p.payment_id = m.payment_id`;
