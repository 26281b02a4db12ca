import { randomUUID } from 'node:crypto';

import { type Database, DatabaseConstraintError, type Sql, type Transaction } from '@quittance/database';
import type { EventOf } from '@quittance/events';
import { emitEvents } from '@quittance/messaging';
import { allocate, atomicAmount, type ChainId } from '@quittance/money';
import { crashPoint } from '@quittance/observability';

import { paymentColumns, paymentOf, type PaymentRow } from '../payment/payment-row.js';
import type { Hex } from '../payment/payment.js';
import { submittedEvent } from '../payment/settlement-event.js';
import { LeaseLostError } from '../relayer/lease-lost.error.js';
import type { BatchId, Draft, SignedTransaction, Slot, StoredBatch } from './batch.js';
import { errandOf, signErrand } from './signer.js';

/** What the database says to gas that another process gave meanwhile, or that is no longer needed. */
const topUpGuards: ReadonlySet<string> = new Set(['batch_top_up_once', 'batch_top_up_needed']);

/** Rolls a transaction back that turned out to have nothing to do; never leaves this file. */
class NothingToSign extends Error {}

type Written = {
  readonly draft: Draft;
  readonly nonce: bigint;
  readonly rows: readonly PaymentRow[];
  readonly gasLimit: bigint;
  readonly transaction: SignedTransaction;
};

/** Signed batches: stored before anybody sees them. */
export class BatchRepository {
  /** @param holder Names this process among those that share the relayers' keys. */
  constructor(
    private readonly database: Database,
    private readonly holder: string,
  ) {}

  /**
   * Claims those of the payments that are still queued, takes a nonce, signs, and stores it all with the events in one
   * transaction. The claim is a row lock, so a crash anywhere releases it, and of two processes only one signs. Null when
   * none of the payments is there to be claimed.
   *
   * @throws LeaseLostError when another process may sign with the key by now.
   */
  async sign(draft: Draft): Promise<StoredBatch | null> {
    const { signer, chainId } = draft;
    try {
      return await this.database.transaction((transaction) => this.signWithin(transaction, draft));
    } catch (error) {
      if (error instanceof NothingToSign) return null;
      if (error instanceof DatabaseConstraintError && fences.has(error.constraint)) {
        throw new LeaseLostError(chainId, signer.relayer.address);
      }
      if (error instanceof DatabaseConstraintError && topUpGuards.has(error.constraint)) return null;
      throw error;
    }
  }

  /** Nonces whose batch is not known to be mined. */
  async onTheirWay(chainId: ChainId): Promise<Slot[]> {
    const rows = await this.database.sql<{ relayer: Hex; nonce: string }>(readOnTheirWay, [chainId]);
    return rows.map(({ relayer, nonce }) => ({ chainId, relayer, nonce: BigInt(nonce) }));
  }

  private async signWithin({ sql, commit }: Transaction, draft: Draft): Promise<StoredBatch> {
    const { chainId, signer, fees, paymentIds, topUp } = draft;
    const { address } = signer.relayer;
    const [[taken], rows] = await Promise.all([
      sql<{ nonce: string }>(takeNonce, [chainId, address, this.holder, signer.token, draft.gaps]),
      paymentIds.length === 0 ? [] : sql<PaymentRow>(claimQueued, [paymentIds]),
    ]);
    if (taken === undefined) throw new LeaseLostError(chainId, address);
    const nonce = BigInt(taken.nonce);
    // Without payments only a gap is worth a transaction, and gas that a payer needs.
    const isWorthIt =
      rows.length > 0 || topUp !== null || (paymentIds.length === 0 && draft.gaps.includes(nonce));
    if (!isWorthIt) throw new NothingToSign();
    const errand = errandOf(rows.map(paymentOf), draft);
    const transaction = signErrand(signer.relayer, { chainId, nonce }, { errand, fees, version: 1 });
    const written = { draft, nonce, rows, gasLimit: errand.gas, transaction };
    crashPoint('settlement.signed');
    const batchId = await commit(store(sql, written));
    return {
      chainId,
      relayer: address,
      nonce,
      batchId,
      paymentIds: rows.map((row) => row.payment_id),
      gasLimit: errand.gas,
      transaction,
    };
  }
}

const fences: ReadonlySet<string> = new Set(['batch_lease', 'transaction_lease']);

async function store(sql: Sql, written: Written): Promise<BatchId> {
  const { draft, nonce, rows, gasLimit, transaction } = written;
  const events = submittedEvents(written);
  const stored = sql<{ batch_id: BatchId }>(storeBatch, [
    draft.chainId,
    draft.signer.relayer.address,
    nonce,
    draft.signer.token,
    rows[0]?.asset ?? null,
    rows.length,
    gasLimit,
    draft.head,
    transaction.hash,
    transaction.raw,
    transaction.maxFeePerGas,
    transaction.maxPriorityFeePerGas,
    rows.map((payment) => payment.payment_id),
    events.map(({ id }) => id),
    draft.topUp?.paymentId ?? null,
    draft.topUp?.wei ?? null,
  ]);
  const [[row]] = await Promise.all([stored, emitEvents(sql, 'settlement', events)]);
  if (row === undefined) throw new TypeError('the database stored a batch and gave it no number');
  return row.batch_id;
}

function submittedEvents({
  draft,
  nonce,
  rows,
  gasLimit,
  transaction,
}: Written): EventOf<'settlement.submitted'>[] {
  if (rows.length === 0) return [];
  const at = new Date();
  const reserves = gasReserves(gasLimit, transaction.maxFeePerGas, rows.length);
  return rows.map((row, index) =>
    submittedEvent(
      paymentOf(row),
      {
        n: row.attempts + 1,
        relayer: draft.signer.relayer.address,
        nonce,
        hash: transaction.hash,
        batchSize: rows.length,
        gasLimit,
        maxFeePerGas: transaction.maxFeePerGas,
        gasReserve: reserves[index] ?? 0n,
      },
      { id: randomUUID(), at, causationId: row.last_event_id },
    ),
  );
}

/** What each of a batch's payments has to answer for of the most that the batch can cost. */
export function gasReserves(gasLimit: bigint, maxFeePerGas: bigint, size: number): readonly bigint[] {
  return allocate(atomicAmount(gasLimit * maxFeePerGas), Array<bigint>(size).fill(1n));
}

/** Fences by holder, token and time, takes the nonce, and keeps the lease from changing hands until the commit. */
const takeNonce = `
  WITH gap AS (
    SELECT min(g) AS nonce FROM unnest($5::bigint[]) AS g
    WHERE NOT EXISTS (SELECT FROM settlement.batch b WHERE b.chain_id = $1 AND b.relayer = $2 AND b.nonce = g))
  UPDATE settlement.relayer r
  SET next_nonce = CASE WHEN gap.nonce < r.next_nonce THEN r.next_nonce ELSE r.next_nonce + 1 END
  FROM gap
  WHERE r.chain_id = $1 AND r.address = $2 AND r.lease_holder = $3::uuid AND r.lease_token = $4::bigint
    AND r.lease_until > clock_timestamp()
  RETURNING CASE WHEN gap.nonce < r.next_nonce THEN gap.nonce ELSE r.next_nonce - 1 END::text AS nonce`;

/** A payment that another process is signing right now is skipped; one that it has signed is no longer queued. */
const claimQueued = `
  SELECT ${paymentColumns} FROM unnest($1::uuid[]) WITH ORDINALITY AS wanted (payment_id, place)
  JOIN settlement.payment p USING (payment_id)
  WHERE p.state = 'queued'
  ORDER BY wanted.place FOR UPDATE OF p SKIP LOCKED`;

/** One statement, whose parts run as each needs the one before: the guards of each look at what was written before it. */
const storeBatch = `
  WITH batch AS (
    INSERT INTO settlement.batch (chain_id, relayer, nonce, lease_token, asset, size, gas_limit, signed_at,
                                  top_up_payment, top_up_wei)
    VALUES ($1, $2, $3::bigint, $4::bigint, $5, $6::int, $7::numeric, $8::bigint, $15::uuid, $16::numeric) RETURNING batch_id
  ), first AS (
    INSERT INTO settlement.transaction (hash, batch_id, version, raw, max_fee_per_gas, max_priority_fee_per_gas)
    SELECT $9, batch_id, 1, $10, $11::numeric, $12::numeric FROM batch RETURNING batch_id
  ), submitted AS (
    UPDATE settlement.payment p
    SET state = 'submitted', attempts = p.attempts + 1, last_event_id = m.event_id, faults = 0, spent_seen_at = NULL,
        updated_at = now()
    FROM unnest($13::uuid[], $14::uuid[]) WITH ORDINALITY AS m (payment_id, event_id, place)
    WHERE p.payment_id = m.payment_id
    RETURNING p.payment_id, p.attempts, m.place
  ), parts AS (
    INSERT INTO settlement.attempt (payment_id, n, batch_id, position)
    SELECT s.payment_id, s.attempts, first.batch_id, s.place - 1 FROM submitted s, first
  )
  SELECT batch_id::text FROM first`;

const readOnTheirWay = `
  SELECT relayer, nonce::text FROM settlement.batch WHERE chain_id = $1 AND state = 'outstanding'`;
