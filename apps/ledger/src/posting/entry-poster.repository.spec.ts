import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '@quittance/database';
import { startTestDatabase, type TestDatabase } from '@quittance/testing';

import { asset, chainId } from '../../test/payment-events.js';
import { accountCode } from './account-code.js';
import { EntryPoster } from './entry-poster.repository.js';
import type { EntryPosting } from './entry-posting.js';
import { type Line, move } from './line.js';
import { EmptyPostingError, PostingContradictsError } from './posting-error.js';

let server: TestDatabase;
let database: Database;
let poster: EntryPoster;

beforeAll(async () => {
  server = await startTestDatabase();
  database = Database.connect({ url: server.serviceUrls.ledger, applicationName: 'entry-poster-spec' });
  poster = new EntryPoster(database);
}, 60_000);

afterAll(async () => {
  await database.close();
  await server.stop();
});

const address = `0x${'a1'.repeat(20)}`;
const shop = `0x${'b2'.repeat(20)}`;

const paid = (amount: bigint): Line[] =>
  move({
    to: accountCode.merchant(chainId, shop),
    from: accountCode.payer(chainId, address),
    asset,
    layer: 'settled',
    amount,
  });

const posting = (change: Partial<EntryPosting> = {}): EntryPosting => ({
  book: 'F',
  source: 'transfer',
  sourceEventId: randomUUID(),
  kind: 'transfer.unknown_inbound',
  paymentId: null,
  chainTransaction: `0x${'cd'.repeat(32)}`,
  effectiveAt: new Date('2026-11-20T12:00:00.123Z'),
  lines: paid(5n),
  ...change,
});

const headersOf = (sourceEventId: string): Promise<Record<string, unknown>[]> =>
  database.sql(
    `SELECT t.book, t.source, t.event_type, t.payment_id, t.chain_transaction, t.effective_at, t.occurred_at, t.reverses,
            (SELECT sum(abs(amount))::text FROM ledger.entry WHERE transaction_id = t.id) AS moved
       FROM ledger.transaction t WHERE source_event_id = $1 ORDER BY book`,
    [sourceEventId],
  );

describe('posting what is no event of a payment', () => {
  it('writes one header with its lines', async () => {
    const one = posting();
    const { isNew } = await poster.post(one);
    expect(isNew).toBe(true);
    expect(await headersOf(one.sourceEventId)).toEqual([
      {
        book: 'F',
        source: 'transfer',
        event_type: 'transfer.unknown_inbound',
        payment_id: null,
        chain_transaction: one.chainTransaction,
        effective_at: one.effectiveAt,
        occurred_at: one.effectiveAt,
        reverses: null,
        moved: '10',
      },
    ]);
  });

  it('writes it once, however often and at whatever time it is asked for', async () => {
    const one = posting();
    const first = await poster.post(one);
    expect(await poster.post(one)).toEqual({ ...first, isNew: false });
    const other = posting();
    const results = await Promise.all(Array.from({ length: 8 }, async () => poster.post(other)));
    expect(results.filter(({ isNew }) => isNew)).toHaveLength(1);
    expect(new Set(results.map(({ transactionId }) => transactionId)).size).toBe(1);
  });

  it('writes one for each book that it is asked for', async () => {
    const one = posting();
    await poster.post(one);
    const gas = move({
      to: accountCode.gasExpense(chainId, 'ok'),
      from: accountCode.relayerWallet(chainId, address),
      asset,
      layer: 'settled',
      amount: 7n,
    });
    const { isNew } = await poster.post({ ...one, book: 'G', lines: gas });
    expect(isNew).toBe(true);
    expect(await headersOf(one.sourceEventId)).toHaveLength(2);
  });

  it.each<[string, Partial<EntryPosting>]>([
    ['another amount', { lines: paid(6n) }],
    ['another day', { effectiveAt: new Date('2026-11-21T12:00:00.123Z') }],
    ['another kind', { kind: 'transfer.refund' }],
    ['another payment', { paymentId: randomUUID() }],
    ['another transaction on chain', { chainTransaction: null }],
    ['another source', { source: 'journal' }],
  ])('refuses %s under the same id, and leaves the first as it was', async (_what, change) => {
    const one = posting();
    await poster.post(one);
    const before = await headersOf(one.sourceEventId);
    await expect(poster.post({ ...one, ...change })).rejects.toBeInstanceOf(PostingContradictsError);
    expect(await headersOf(one.sourceEventId)).toEqual(before);
  });

  it('refuses lines that come to nothing', async () => {
    const one = posting({ lines: [...paid(5n), ...paid(-5n)] });
    await expect(poster.post(one)).rejects.toBeInstanceOf(EmptyPostingError);
  });

  it('is part of the transaction that it is asked for in', async () => {
    const one = posting();
    const failing = database.transaction(async ({ sql }) => {
      await poster.postWithin(sql, one);
      throw new RangeError('after all not');
    });
    await expect(failing).rejects.toThrow('after all not');
    expect(await headersOf(one.sourceEventId)).toEqual([]);
  });

  it('takes a transaction back once', async () => {
    const { transactionId } = await poster.post(posting());
    const back = { kind: 'transfer.taken_back', lines: paid(-5n), reverses: transactionId };
    await poster.post(posting(back));
    await expect(poster.post(posting(back))).rejects.toMatchObject({
      constraint: 'transaction_reverses_key',
    });
  });
});
