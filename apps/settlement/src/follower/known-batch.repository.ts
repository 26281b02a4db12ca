import type { Database, Sql } from '@quittance/database';
import type { ChainId } from '@quittance/money';
import type { PaymentId } from '@quittance/protocol';

import type { BatchId, BatchState, OutstandingBatch } from '../batch/batch.js';
import type { TakenTransfers } from '../chain/permit-search.js';
import type { AuthorizationLog } from '../chain/settlement-chain.js';
import { paymentColumns, paymentOf, type PaymentRow } from '../payment/payment-row.js';
import type { Hex, Payment } from '../payment/payment.js';
import type { TopUp } from '../sponsoring/top-up.js';
import type { BatchMember, KnownBatch } from './batch-end.js';
import type { AcceptedPayment, StoredBatches } from './batch-survey.js';
import type { MatchedLog } from './survey.js';

/** What surveys of a chain ask of the database. */
export function storedBatches({ sql }: Pick<Database, 'sql'>, chainId: ChainId): StoredBatches {
  return {
    batches: (batchIds) => readKnownBatches(sql, batchIds),
    batchesWith: (transactions) => readBatchesWith(sql, transactions),
    match: (logs) => matchLogs(sql, chainId, logs),
    payment: (paymentId) => readAcceptedPayment(sql, paymentId),
    takenFrom: (payment) => takenFrom(sql, payment),
  };
}

export async function matchLogs(
  sql: Sql,
  chainId: ChainId,
  logs: readonly AuthorizationLog[],
): Promise<MatchedLog[]> {
  if (logs.length === 0) return [];
  const rows = await sql<{ ordinal: number; payment_id: PaymentId | null; batch_id: BatchId | null }>(
    matched,
    [
      chainId,
      logs.map((_, index) => index),
      logs.map(({ asset }) => asset),
      logs.map(({ authorizer }) => authorizer),
      logs.map(({ nonce }) => nonce),
      logs.map(({ transaction }) => transaction),
    ],
  );
  return rows.flatMap(({ ordinal, payment_id: paymentId, batch_id: batchId }) => {
    const log = logs[ordinal];
    return log === undefined ? [] : [{ log, paymentId, batchId }];
  });
}

/** Which transfers are not a payment's: those of transactions that we made for another, or by which another settled. */
export function takenFrom(
  sql: Sql,
  { paymentId, chainId }: Pick<Payment, 'paymentId' | 'chainId'>,
): TakenTransfers {
  return async ({ transaction, logIndex }) => {
    const [row] = await sql<{ is_taken: boolean }>(taken, [paymentId, chainId, transaction, logIndex]);
    return row?.is_taken === true;
  };
}

/** Batches whose outcome is not known, by relayer and nonce. */
export async function readOutstanding(
  sql: Sql,
  chainId: ChainId,
  limit: number,
): Promise<OutstandingBatch[]> {
  return (await sql<BatchHashesRow>(outstanding, [chainId, limit])).map((row) => hashedBatchOf(row, chainId));
}

/** Batches taken for displaced not long ago, newest first. */
export async function readDisplaced(sql: Sql, chainId: ChainId, limit: number): Promise<OutstandingBatch[]> {
  const rows = await sql<BatchHashesRow>(displaced, [chainId, limit, displacedLookBackSeconds]);
  return rows.map((row) => hashedBatchOf(row, chainId));
}

/** All transactions that were ever signed for a payment. */
export async function readTransactions(sql: Sql, paymentId: PaymentId): Promise<Hex[]> {
  const rows = await sql<{ readonly hash: Hex }>(transactions, [paymentId]);
  return rows.map(({ hash }) => hash);
}

function hashedBatchOf(row: BatchHashesRow, chainId: ChainId): OutstandingBatch {
  return {
    batchId: row.batch_id,
    chainId,
    relayer: row.relayer,
    nonce: BigInt(row.nonce),
    size: row.size,
    asset: row.asset,
    gasLimit: BigInt(row.gas_limit),
    signedAt: BigInt(row.signed_at),
    hashes: row.hashes,
  };
}

async function readKnownBatches(sql: Sql, batchIds: readonly BatchId[]): Promise<KnownBatch[]> {
  if (batchIds.length === 0) return [];
  return knownBatches(
    await Promise.all([sql<BatchRow>(batches, [batchIds]), sql<MemberRow>(membersOf, [batchIds])]),
  );
}

async function readBatchesWith(sql: Sql, hashes: readonly Hex[]): Promise<KnownBatch[]> {
  if (hashes.length === 0) return [];
  return knownBatches(
    await Promise.all([sql<BatchRow>(batchesWith, [hashes]), sql<MemberRow>(membersWith, [hashes])]),
  );
}

type MemberRow = BatchMember & { readonly batch_id: BatchId };

function knownBatches([rows, members]: readonly [BatchRow[], MemberRow[]]): KnownBatch[] {
  const byBatch = Map.groupBy(members, ({ batch_id }) => batch_id);
  return rows.map((row) => ({
    batchId: row.batch_id,
    chainId: row.chain_id,
    relayer: row.relayer,
    nonce: BigInt(row.nonce),
    state: row.state,
    filledEventId: row.filled_event_id,
    topUp: topUpOf(row),
    members: byBatch.get(row.batch_id) ?? [],
  }));
}

async function readAcceptedPayment(sql: Sql, paymentId: PaymentId): Promise<AcceptedPayment | null> {
  const [row] = await sql<PaymentRow>(payment, [paymentId]);
  return row === undefined
    ? null
    : { payment: paymentOf(row), acceptedSeconds: BigInt(row.accepted_seconds) };
}

type BatchHashesRow = {
  readonly batch_id: BatchId;
  readonly relayer: Hex;
  readonly nonce: string;
  readonly size: number;
  readonly asset: Hex | null;
  readonly gas_limit: string;
  readonly signed_at: string;
  readonly hashes: readonly Hex[];
};

type BatchRow = {
  readonly batch_id: BatchId;
  readonly chain_id: ChainId;
  readonly relayer: Hex;
  readonly nonce: string;
  readonly state: BatchState;
  readonly filled_event_id: string | null;
  readonly top_up_payment: PaymentId | null;
  readonly top_up_account: Hex | null;
  readonly top_up_wei: string | null;
};

function topUpOf({
  top_up_payment: paymentId,
  top_up_account: account,
  top_up_wei: wei,
}: BatchRow): TopUp | null {
  return paymentId === null || account === null ? null : { paymentId, account, wei: BigInt(wei ?? 0) };
}

/** Each log is looked up by itself, by its keys, and once: joins are planned as walks through all payments and batches of the chain. */
const matched = `
  SELECT l.ordinal, l.payment_id::text, l.batch_id::text
  FROM (SELECT g.ordinal,
               (SELECT p.payment_id FROM settlement.payment p
                 WHERE p.chain_id = $1 AND p.authority = g.asset AND p.payer = g.authorizer AND p.nonce = g.nonce) AS payment_id,
               (SELECT b.batch_id FROM settlement.batch b WHERE b.chain_id = $1 AND b.batch_id = (
                  SELECT t.batch_id FROM settlement.transaction t WHERE t.hash = g.transaction)) AS batch_id
        FROM unnest($2::int[], $3::text[], $4::text[], $5::text[], $6::text[])
          AS g (ordinal, asset, authorizer, nonce, transaction)
       OFFSET 0) AS l
  WHERE l.payment_id IS NOT NULL OR l.batch_id IS NOT NULL
  ORDER BY l.ordinal`;

const taken = `
  SELECT EXISTS (SELECT FROM settlement.transaction t JOIN settlement.attempt a USING (batch_id)
                  WHERE t.hash = $3 AND a.payment_id <> $1::uuid)
      OR EXISTS (SELECT FROM settlement.payment p
                  WHERE p.chain_id = $2 AND p.settled_transaction = $3 AND p.settled_log_index = $4::int
                    AND p.method = 'permit2' AND p.state = 'confirmed' AND p.payment_id <> $1::uuid) AS is_taken`;

/** After this nodes have long told each other apart. */
const displacedLookBackSeconds = 3_600;

const batchWithHashes = `
  SELECT b.batch_id::text, b.relayer, b.nonce::text, b.size, b.asset, b.gas_limit::text, b.signed_at::text,
         (SELECT array_agg(t.hash ORDER BY t.version) FROM settlement.transaction t WHERE t.batch_id = b.batch_id) AS hashes
  FROM settlement.batch b`;

const outstanding = `${batchWithHashes}
  WHERE b.chain_id = $1 AND b.state = 'outstanding'
  ORDER BY b.relayer, b.nonce LIMIT $2::int`;

const displaced = `${batchWithHashes}
  WHERE b.chain_id = $1 AND b.state = 'displaced' AND b.updated_at > now() - $3::int * interval '1 second'
  ORDER BY b.updated_at DESC LIMIT $2::int`;

const transactions = `
  SELECT t.hash FROM settlement.attempt a JOIN settlement.transaction t USING (batch_id)
  WHERE a.payment_id = $1::uuid ORDER BY a.n DESC, t.version DESC`;

const selectBatch = `
  SELECT b.batch_id::text, b.chain_id, b.relayer, b.nonce::text, b.state, b.filled_event_id::text,
         b.top_up_payment::text, b.top_up_wei::text,
         (SELECT p.payer FROM settlement.payment p WHERE p.payment_id = b.top_up_payment) AS top_up_account
  FROM settlement.batch b`;
const selectMember = 'SELECT a.batch_id::text, a.payment_id::text AS "paymentId", a.n, a.position';

const batches = `${selectBatch}
  WHERE b.batch_id = ANY ($1::bigint[]) ORDER BY b.batch_id`;

const membersOf = `${selectMember}
  FROM settlement.attempt a WHERE a.batch_id = ANY ($1::bigint[]) ORDER BY a.batch_id, a.position`;

const idsWith = 'ARRAY(SELECT t.batch_id FROM settlement.transaction t WHERE t.hash = ANY ($1::text[]))';

const batchesWith = `${selectBatch}
  WHERE b.batch_id = ANY (${idsWith}) ORDER BY b.batch_id`;

const membersWith = `${selectMember}
  FROM settlement.attempt a WHERE a.batch_id = ANY (${idsWith}) ORDER BY a.batch_id, a.position`;

const payment = `SELECT ${paymentColumns} FROM settlement.payment p WHERE p.payment_id = $1::uuid`;
