import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { breakTypes } from '../src/reconciliation/finding.js';
import type { ChainMovement } from '../src/reconciliation/movement.js';
import { chainId } from './chain-payments.js';
import { asset, blockHash, FakeChain, native, settlement } from './fake-chain.js';
import { hexOf } from './made-up.js';
import { ReconciledBooks, settle } from './reconciled-books.js';

/**
 * One fault of each kind among so many lines that agree, in a real database: each is found and named, and nothing else.
 * The chain is made up; what it says differs from the books in just these places.
 */
/** Payments; each has two settled lines. */
const count = 50_000;
const perBlock = 25;
const payers = 50;
const height = BigInt(count / perBlock + 10);
const relayer = hexOf('relayer', 20);

const payer = (index: number): string => hexOf(`payer ${index % payers}`, 20);
const merchant = (index: number): string => hexOf(`merchant ${index % 10}`, 20);
const amount = (index: number): bigint => 1_000n + BigInt(index % 7);
const paymentId = (index: number): string => `00000000-0000-8000-8000-${String(index).padStart(12, '0')}`;
const at = (index: number): ChainMovement =>
  settlement({ index, amount: amount(index), from: payer(index), to: merchant(index) }, perBlock);

/** Which payment each fault is about: the first are in the books, the others only on chain. */
const fault = {
  missing_on_chain: 5_111,
  amount: 12_222,
  party: 23_333,
  duplicate: 34_444,
  orphaned: 45_555,
  missing_in_ledger: count,
  late: count + 1,
};

let books: ReconciledBooks;
let chain: FakeChain;

beforeAll(async () => {
  books = await ReconciledBooks.start();
  await fill();
  chain = new FakeChain(movements(), height);
  chain.balances.set(`${relayer} ${native}`, 5n);
}, 120_000);
afterAll(async () => books.stop());

describe('among 100,000 lines that agree', () => {
  it('each kind of fault is found and named, and nothing else', async () => {
    const reconciliation = books.reconciliation(chain, new Map([[relayer, 'relayer']]));
    const started = process.memoryUsage().heapUsed;
    await settle(reconciliation, chain);
    const found = await books.breaks();
    expect(found.map(({ type }) => type).sort()).toEqual([...breakTypes].sort());
    expect(found.every(({ state }) => state === 'open')).toBe(true);
    const [row] = await books.database.sql('SELECT matched::int, next_block::int FROM ledger.reconciliation');
    expect(row).toEqual({ matched: count - 4, next_block: Number(height) + 1 });
    expect(chain.pages).toBeGreaterThan(10);
    expect(process.memoryUsage().heapUsed - started).toBeLessThan(200_000_000);
    const byType = new Map(found.map((one) => [one.type, one]));
    for (const type of ['missing_on_chain', 'amount', 'party', 'orphaned', 'late'] as const) {
      expect(byType.get(type)?.payment_id).toBe(paymentId(fault[type]));
    }
    for (const type of Object.keys(fault) as (keyof typeof fault)[]) {
      expect(byType.get(type)?.transaction).toBe(at(fault[type]).place.transaction);
    }
    expect(byType.get('amount')?.value).toBe('3');
    expect(byType.get('balance')).toMatchObject({ value: '5', subject: `balance/${relayer}/${native}` });
  }, 120_000);
});

function movements(): ChainMovement[] {
  const all: ChainMovement[] = [];
  for (let index = 0; index <= fault.late; index += 1) {
    const movement = at(index);
    if (index === fault.missing_on_chain || index === fault.orphaned) continue;
    if (index === fault.amount) all.push({ ...movement, amount: movement.amount + 3n });
    else if (index === fault.party) all.push({ ...movement, to: merchant(index + 1) });
    else all.push(movement);
  }
  return all;
}

/** Straight into the tables, as their owner, with every guard on. */
async function fill(): Promise<void> {
  const indexes = Array.from({ length: count }, (_, index) => index);
  await books.asSuperuser(`INSERT INTO ledger.asset (code) VALUES ($1)`, [asset]);
  await books.asSuperuser(
    `INSERT INTO ledger.account (code, asset_id)
     SELECT code, (SELECT id FROM ledger.asset) FROM unnest($1::text[]) AS code`,
    [
      [
        ...Array.from({ length: payers }, (_, index) => `F:payer:${chainId}:${payer(index)}`),
        ...Array.from({ length: 10 }, (_, index) => `F:merchant:${chainId}:${merchant(index)}`),
      ],
    ],
  );
  const wrongHash = hexOf('another block', 32);
  const facts = [...indexes, fault.late].map((index) => {
    const { place, nonce } = at(index);
    const base = {
      version: 1,
      paymentId: paymentId(index),
      chainId,
      asset,
      payer: payer(index),
      payTo: merchant(index),
      amount: String(amount(index)),
      accepted: { at: '2026-11-20T12:00:00.000Z', eventId: paymentId(index), nonce },
      expired: null,
      attempts: [],
    };
    const outcome = {
      kind: 'confirmed',
      eventId: paymentId(index),
      transaction: place.transaction,
      blockNumber: String(place.block),
      blockHash: index === fault.orphaned ? wrongHash : blockHash(place.block),
      logIndex: index % perBlock,
    };
    return JSON.stringify({ ...base, outcomes: index === fault.late ? [] : [outcome], reorgs: [] });
  });
  await books.asSuperuser(
    `INSERT INTO ledger.payment (id, facts, rules)
     SELECT (given.facts::json ->> 'paymentId')::uuid, given.facts, 1 FROM unnest($1::text[]) AS given (facts)`,
    [facts],
  );
  await books.asSuperuser(headersAndLines, [
    [...indexes, fault.late].map(paymentId),
    [...indexes, fault.late].map((index) => at(index).place.transaction),
    [...indexes, fault.late].map((index) => `F:payer:${chainId}:${payer(index)}`),
    [...indexes, fault.late].map((index) => `F:merchant:${chainId}:${merchant(index)}`),
    [...indexes, fault.late].map((index) => String(amount(index))),
    [...indexes, fault.late].map((index) => (index === fault.late ? 'encumbered' : 'settled')),
    [...indexes, fault.late].map((index) => at(index).place.blockHash),
    [...indexes, fault.late].map((index) => index % perBlock),
  ]);
  await observeTwice();
}

/** A log of a payment that was posted as a transfer, too. */
async function observeTwice(): Promise<void> {
  const { place, from, to, amount: value } = at(fault.duplicate);
  const lines = [
    { account: `F:payer:${chainId}:${from}`, asset, layer: 'settled' as const, amount: value },
    { account: `F:merchant:${chainId}:${to}`, asset, layer: 'settled' as const, amount: -value },
  ];
  const { transactionId } = await books.poster.post({
    book: 'F',
    source: 'transfer',
    sourceEventId: paymentId(fault.late + 1),
    kind: 'transfer.refund',
    paymentId: null,
    chainTransaction: place.transaction,
    effectiveAt: new Date('2026-11-20T12:00:00.000Z'),
    lines,
  });
  await books.database.sql(
    `INSERT INTO ledger.observed_transfer (chain_id, block_number, block_hash, transaction, part, kind, asset, sender, recipient, amount,
                                           transaction_id)
     VALUES ($1, $2::numeric, $3, $4, $5, 'transfer.refund', $6, $7, $8, $9::numeric, $10::bigint)`,
    [
      chainId,
      place.block,
      place.blockHash,
      place.transaction,
      place.part,
      asset,
      from,
      to,
      value,
      transactionId,
    ],
  );
}

const headersAndLines = `
  WITH given AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::numeric[], $6::text[], $7::text[], $8::integer[]) WITH ORDINALITY
           AS given (payment_id, transaction, payer, merchant, amount, layer, block, log_index, place)
  ), header AS (
    INSERT INTO ledger.transaction (book, source, source_event_id, event_type, payment_id, chain_transaction, effective_at, occurred_at, shard,
                                    settlement, log_block, log_index)
    SELECT 'F', 'event', payment_id, 'settlement.confirmed', payment_id, transaction, '2026-11-20 12:00Z', '2026-11-20 12:00Z', 0,
           CASE layer WHEN 'settled' THEN 1 END, CASE layer WHEN 'settled' THEN decode(substr(block, 3), 'hex') END,
           CASE layer WHEN 'settled' THEN log_index END
      FROM given ORDER BY place RETURNING id, payment_id
  )
  INSERT INTO ledger.entry (transaction_id, line, account_id, asset_id, layer, amount)
  SELECT h.id, l.line, a.id, a.asset_id, g.layer::ledger.layer, l.amount
    FROM header h JOIN given g USING (payment_id)
   CROSS JOIN LATERAL (VALUES (1, g.merchant, g.amount), (2, g.payer, -g.amount)) AS l (line, code, amount)
    JOIN ledger.account a ON a.code = l.code`;
