import { randomUUID } from 'node:crypto';

import type { Database, Sql } from '@quittance/database';
import { appendToOutbox } from '@quittance/messaging';
import type { ChainId } from '@quittance/money';
import type { PaymentId } from '@quittance/protocol';

import { submittedEvent } from '../payment/outcome.js';
import { paymentColumns, paymentOf, type PaymentRow } from '../payment/payment-row.js';
import type { Hex } from '../payment/payment.js';
import { allocateNonces } from '../relayer/relayer-nonce.js';
import type { Attempt, OutstandingAttempt, SignRequest, StoredAttempt } from './attempt.js';

export type Submission = {
  readonly chainId: ChainId;
  readonly relayer: Hex;
  /** The relayer's transaction count as the chain tells it, read before. */
  readonly chainNonce: bigint;
  readonly gasLimits: ReadonlyMap<PaymentId, bigint>;
  readonly sign: (request: SignRequest) => Promise<Attempt>;
};

/** Signed transactions: stored before anybody sees them. */
export class AttemptRepository {
  constructor(private readonly database: Database) {}

  /**
   * Claims the payments that are still queued and unclaimed, takes a nonce for each, signs, and stores it all with the
   * events in one transaction. What it gives may be broadcast, now or by anybody later. The claim is a row lock, so a
   * crash anywhere releases it, and of two processes only one signs.
   */
  async submit(submission: Submission): Promise<readonly Attempt[]> {
    return this.database.transaction(async ({ sql }) => {
      const rows = await sql<PaymentRow>(claimQueued, [[...submission.gasLimits.keys()]]);
      if (rows.length === 0) return [];
      const nonces = await takeNonces(sql, submission, rows.length);
      const attempts: Attempt[] = [];
      for (const [index, row] of rows.entries()) {
        const nonce = nonces[index];
        const gasLimit = submission.gasLimits.get(row.payment_id);
        if (nonce === undefined || gasLimit === undefined) continue;
        attempts.push(
          await submission.sign({ payment: paymentOf(row), n: row.attempts + 1, nonce, gasLimit }),
        );
      }
      await store(sql, rows, attempts);
      return attempts;
    });
  }

  /** Transactions whose outcome is not known, lowest nonces first. */
  async outstanding(chainId: ChainId, limit: number): Promise<OutstandingAttempt[]> {
    const rows = await this.database.sql<PaymentRow & OutstandingRow>(readOutstanding, [chainId, limit]);
    return rows.map((row) => ({
      paymentId: row.payment_id,
      n: row.n,
      relayer: row.relayer,
      nonce: BigInt(row.relayer_nonce),
      hash: row.hash,
      raw: row.raw,
      acceptedSeconds: BigInt(row.accepted_seconds),
      payment: paymentOf(row),
    }));
  }

  /** The accounts that have signed on a chain. */
  async relayers(chainId: ChainId): Promise<Hex[]> {
    const rows = await this.database.sql<{ address: Hex }>(readRelayers, [chainId]);
    return rows.map(({ address }) => address);
  }

  /** Transactions of an account whose outcome is known, from a nonce on, lowest first. */
  async decidedFrom({ chainId, relayer, nonce, limit }: DecidedFrom): Promise<StoredAttempt[]> {
    const rows = await this.database.sql<
      Pick<OutstandingRow, 'relayer_nonce' | 'hash' | 'raw'> & { payment_id: PaymentId }
    >(readDecided, [chainId, relayer, nonce, limit]);
    return rows.map((row) => ({
      paymentId: row.payment_id,
      nonce: BigInt(row.relayer_nonce),
      hash: row.hash,
      raw: row.raw,
    }));
  }
}

export type DecidedFrom = {
  readonly chainId: ChainId;
  readonly relayer: Hex;
  readonly nonce: bigint;
  readonly limit: number;
};

type OutstandingRow = {
  readonly n: number;
  readonly relayer: Hex;
  readonly relayer_nonce: string;
  readonly hash: Hex;
  readonly raw: Hex;
};

async function takeNonces(
  sql: Sql,
  { chainId, relayer, chainNonce }: Submission,
  count: number,
): Promise<readonly bigint[]> {
  await sql(createRelayer, [chainId, relayer, chainNonce]);
  const [row] = await sql<{ next_nonce: string }>(lockRelayer, [chainId, relayer]);
  const { nonces, next } = allocateNonces(BigInt(row?.next_nonce ?? chainNonce), chainNonce, count);
  await sql(moveRelayer, [chainId, relayer, next]);
  return nonces;
}

async function store(sql: Sql, rows: readonly PaymentRow[], attempts: readonly Attempt[]): Promise<void> {
  const at = new Date();
  const causes = new Map(rows.map((row) => [row.payment_id, row]));
  const events = attempts.flatMap((attempt) => {
    const row = causes.get(attempt.paymentId);
    return row === undefined
      ? []
      : [submittedEvent(paymentOf(row), attempt, { id: randomUUID(), at, causationId: row.last_event_id })];
  });
  await sql(markSubmitted, [events.map(({ data }) => data.paymentId), events.map(({ id }) => id)]);
  await sql(insertAttempts, [
    attempts.map((attempt) => attempt.paymentId),
    attempts.map((attempt) => attempt.n),
    attempts.map((attempt) => attempt.chainId),
    attempts.map((attempt) => attempt.relayer),
    attempts.map((attempt) => attempt.nonce),
    attempts.map((attempt) => attempt.raw),
    attempts.map((attempt) => attempt.hash),
    attempts.map((attempt) => attempt.gasLimit),
    attempts.map((attempt) => attempt.maxFeePerGas),
    attempts.map((attempt) => attempt.maxPriorityFeePerGas),
  ]);
  await appendToOutbox(sql, 'settlement', events);
}

/** A payment that another process is signing right now is skipped; one that it has signed is no longer queued. */
const claimQueued = `
  SELECT ${paymentColumns} FROM settlement.payment p
  WHERE p.payment_id = ANY ($1::uuid[]) AND p.state = 'queued'
  ORDER BY p.position FOR UPDATE SKIP LOCKED`;

const createRelayer = `
  INSERT INTO settlement.relayer (chain_id, address, next_nonce) VALUES ($1, $2, $3::bigint)
  ON CONFLICT (chain_id, address) DO NOTHING`;

const lockRelayer =
  'SELECT next_nonce::text FROM settlement.relayer WHERE chain_id = $1 AND address = $2 FOR UPDATE';

const moveRelayer =
  'UPDATE settlement.relayer SET next_nonce = $3::bigint WHERE chain_id = $1 AND address = $2';

const markSubmitted = `
  UPDATE settlement.payment p
  SET state = 'submitted', attempts = p.attempts + 1, last_event_id = s.event_id, faults = 0, spent_seen_at = NULL, updated_at = now()
  FROM unnest($1::uuid[], $2::uuid[]) AS s (payment_id, event_id)
  WHERE p.payment_id = s.payment_id`;

const insertAttempts = `
  INSERT INTO settlement.attempt (payment_id, n, chain_id, relayer, nonce, raw, hash, gas_limit, max_fee_per_gas, max_priority_fee_per_gas)
  SELECT * FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::numeric[], $9::numeric[], $10::numeric[])`;

const readOutstanding = `
  SELECT ${paymentColumns}, a.n, a.relayer, a.nonce::text AS relayer_nonce, a.hash, a.raw
  FROM settlement.attempt a JOIN settlement.payment p USING (payment_id)
  WHERE a.chain_id = $1 AND a.state = 'outstanding'
  ORDER BY a.relayer, a.nonce LIMIT $2::int`;

const readRelayers = 'SELECT address FROM settlement.relayer WHERE chain_id = $1 ORDER BY address';

const readDecided = `
  SELECT a.payment_id::text, a.nonce::text AS relayer_nonce, a.hash, a.raw
  FROM settlement.attempt a
  WHERE a.chain_id = $1 AND a.relayer = $2 AND a.nonce >= $3::bigint AND a.state <> 'outstanding'
  ORDER BY a.nonce LIMIT $4::int`;
