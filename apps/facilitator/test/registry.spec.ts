import { randomBytes, randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database, type Sql, type Transaction } from '@quittance/database';
import { createEvent, type QuittanceEvent } from '@quittance/events';
import { permit2Address } from '@quittance/exact-evm';
import { erc20AssetId, parseChainId } from '@quittance/money';
import { paymentIdOf } from '@quittance/protocol';
import { startTestDatabase, type TestDatabase } from '@quittance/testing';

import type { PaymentTerms } from '../src/payment/payment.js';
import { PaymentChanges } from '../src/payment/payment-change.repository.js';
import { PaymentRepository } from '../src/payment/payment.repository.js';
import type { Reservation } from '../src/settle/settle.js';
import { blockOf, gasOf } from './event.fixture.js';
import { hashOf } from './stack.fixture.js';

/** The registry by itself: many payments at once, over two connections to it as two replicas have. */
let server: TestDatabase;
let databases: readonly [Database, Database];

beforeAll(async () => {
  server = await startTestDatabase();
  const connect = () => Database.connect({ url: server.serviceUrls.facilitator, applicationName: 'test' });
  databases = [connect(), connect()];
}, 60_000);
afterAll(async () => {
  await Promise.all(databases.map((database) => database.close()));
  await server.stop();
});

const chainId = parseChainId('eip155:84532');
const asset = `0x${'03'.repeat(20)}`;
const addressOf = (n: number) => `0x${n.toString(16).padStart(40, '0')}`;
let nextPayer = 1_000;

function termsOf(payer: string): PaymentTerms {
  const nonce = `0x${randomBytes(32).toString('hex')}`;
  return {
    id: paymentIdOf({ chainId, asset, payer, nonce }),
    chainId,
    asset,
    payer,
    nonce,
    payTo: addressOf(7),
    amount: 10n,
    method: 'eip3009',
    facilitator: null,
    ceiling: null,
    sponsoring: null,
    validAfter: 0n,
    validBefore: 4_102_444_800n,
    x402Version: 2,
    networkAsWritten: chainId,
    scheme: 'exact',
    resource: 'https://shop.example/"quoted"\\ü\u2028',
    fingerprint: hashOf('1f'),
  };
}

const reservationOf = (terms: PaymentTerms, balance = 50n): Reservation => ({
  terms,
  authority: { signature: `0x${'11'.repeat(65)}`, sponsoring: null, payerHasCode: false },
  balance,
  at: { number: 5n, time: 1n, landed: [] },
  verdict: {
    route: 'settle',
    reason: null,
    fingerprint: terms.fingerprint,
    paymentId: terms.id,
    x402Version: 2,
    scheme: terms.scheme,
    network: terms.chainId,
    asset: terms.asset,
    payer: terms.payer,
    payTo: terms.payTo,
    amount: '10',
    blockNumber: 5n,
    judgedAt: new Date(),
  },
  identifier: null,
});

/** A database that notes what it answers with faults. */
function noting(database: Database, faults: unknown[]): Database {
  const sql: Sql = async (text, values) =>
    database.sql<never>(text, values).catch((fault: unknown) => {
      faults.push(fault);
      throw fault;
    });
  return Object.create(database, { sql: { value: sql } }) as Database;
}

function shuffled<Item>(items: readonly Item[]): Item[] {
  return items
    .map((item) => ({ item, rank: Math.random() }))
    .sort((one, other) => one.rank - other.rank)
    .map(({ item }) => item);
}

describe('reservations that come at once', () => {
  it('over two replicas, of the same purses in any order, never stand in each other’s way nor overdraw', async () => {
    const replicas = databases.map((database) => new PaymentRepository(database));
    const payers = Array.from({ length: 20 }, () => addressOf((nextPayer += 1)));
    // Each purse holds five payments' worth, and is asked for ten, each of them by both replicas.
    const asked = payers.flatMap((payer) => Array.from({ length: 10 }, () => termsOf(payer)));
    const outcomes = await Promise.all(
      replicas.flatMap((replica) =>
        shuffled(asked).map(async (terms) => ({
          id: terms.id,
          ...(await replica.reserve(reservationOf(terms))),
        })),
      ),
    );
    const reserved = outcomes.filter(({ outcome }) => outcome === 'reserved').map(({ id }) => id);
    expect(new Set(reserved).size).toBe(reserved.length);
    expect(reserved).toHaveLength(payers.length * 5);
    const sums = await databases[0].sql(
      `SELECT payer FROM facilitator.payment WHERE payer = ANY ($1) GROUP BY payer HAVING sum(amount) <> 50`,
      [payers],
    );
    expect(sums).toEqual([]);
    const [events] = await databases[0].sql(
      `SELECT count(*)::int AS n FROM facilitator.outbox WHERE event_id IN (
         SELECT last_event_id FROM facilitator.payment WHERE payer = ANY ($1))`,
      [payers],
    );
    expect(events).toEqual({ n: reserved.length });
  }, 60_000);

  it('over two replicas, of permits that share their nonces over many assets, never wait for each other in a circle', async () => {
    const faults: unknown[] = [];
    const replicas = databases.map((database) => new PaymentRepository(noting(database, faults)));
    for (let round = 0; round < 10; round += 1) {
      const payer = addressOf((nextPayer += 1));
      const permits = Array.from({ length: 50 }, () => {
        const { nonce } = termsOf(payer);
        return { nonce, id: paymentIdOf({ chainId, asset: permit2Address, payer, nonce }) };
      });
      const outcomes = await Promise.all(
        replicas.flatMap((replica, place) =>
          shuffled(permits).map(async (permit, index) => {
            const ofAsset = addressOf(10_000 * (place + 1) + index);
            const terms: PaymentTerms = { ...termsOf(payer), ...permit, asset: ofAsset, method: 'permit2' };
            return replica.reserve(reservationOf(terms));
          }),
        ),
      );
      const reserved = outcomes.filter(({ outcome }) => outcome === 'reserved');
      expect(reserved).toHaveLength(permits.length);
    }
    expect(faults).toEqual([]);
  }, 60_000);

  it('are each answered for, and a payment asked for twice is reserved once, as it was asked for', async () => {
    const registry = new PaymentRepository(databases[0]);
    const terms = termsOf(addressOf((nextPayer += 1)));
    const outcomes = await Promise.all([
      registry.reserve(reservationOf(terms)),
      registry.reserve(reservationOf(terms)),
      registry.reserve(reservationOf(termsOf(terms.payer), 19n)),
    ]);
    expect(outcomes).toEqual([
      { outcome: 'reserved' },
      { outcome: 'exists' },
      { outcome: 'short', inFlight: 10n },
    ]);
    await expect(registry.find(terms.id)).resolves.toMatchObject(terms);
    // Asked for together with what is in flight, it is found the same, and of one that is not known only that is told.
    const unknown = termsOf(terms.payer);
    const at = { number: 5n, time: 1n, landed: [] };
    const found = await Promise.all([terms, unknown].map(({ id }) => registry.lookUp(id, terms, at)));
    expect(found).toEqual([
      { known: await registry.find(terms.id), inFlight: 10n },
      { known: null, inFlight: 10n },
    ]);
  });

  it('fail alone when the database refuses one of them', async () => {
    const registry = new PaymentRepository(databases[0]);
    const [good, bad] = [termsOf(addressOf((nextPayer += 1))), termsOf(addressOf((nextPayer += 1)))];
    const [first, second] = await Promise.allSettled([
      registry.reserve(reservationOf(good)),
      registry.reserve(reservationOf({ ...bad, fingerprint: 'none' })),
    ]);
    expect(first).toEqual({ status: 'fulfilled', value: { outcome: 'reserved' } });
    expect(second).toMatchObject({ status: 'rejected', reason: { code: 'database_constraint' } });
  });
});

describe('a batch of events', () => {
  const stamp = () => ({ id: randomUUID(), occurredAt: new Date(), causationId: null });
  const partiesOf = ({ id, payer, payTo }: PaymentTerms) => ({
    paymentId: id,
    chainId,
    asset: erc20AssetId(chainId, asset),
    payer,
    payTo,
    amount: '10',
  });
  const submitted = (terms: PaymentTerms) =>
    createEvent({
      ...stamp(),
      type: 'settlement.submitted',
      data: {
        ...partiesOf(terms),
        attempt: 1,
        relayer: addressOf(3),
        relayerNonce: '1',
        transaction: hashOf('7a'),
        batchSize: 100,
        gasLimit: '1',
        gasPriceMax: '1',
        gasReserve: '1',
      },
    });
  const confirmed = (terms: PaymentTerms) =>
    createEvent({
      ...stamp(),
      type: 'settlement.confirmed',
      data: {
        ...partiesOf(terms),
        transaction: hashOf('7a'),
        block: blockOf('5'),
        logIndex: 0,
        settledBy: 'us',
        gas: gasOf(1, 'ok'),
      },
    });

  /** How many statements a batch took. */
  async function statementsOf(batch: readonly QuittanceEvent[]): Promise<number> {
    let statements = 0;
    const counting = {
      transaction: <Result>(work: (tx: Transaction) => Promise<Result>) =>
        databases[0].transaction(({ sql, commit }) => {
          const counted: typeof sql = (text, values) => {
            statements += 1;
            return sql(text, values);
          };
          return work({ sql: counted, commit });
        }),
    } as unknown as Database;
    await expect(new PaymentChanges(counting).apply(batch)).resolves.toMatchObject({ unknown: [] });
    return statements;
  }

  it('takes a handful of statements, however many payments it is about', async () => {
    const registry = new PaymentRepository(databases[0]);
    const all = Array.from({ length: 100 }, () => termsOf(addressOf((nextPayer += 1))));
    await Promise.all(all.map((terms) => registry.reserve(reservationOf(terms))));
    await expect(statementsOf(all.map(submitted))).resolves.toBe(3);
    await expect(statementsOf(all.map(confirmed))).resolves.toBe(3);
    const rows = await databases[0].sql(
      `SELECT p.state, a.outcome, a.fee::text AS fee, count(*)::int AS n
         FROM facilitator.payment p JOIN facilitator.payment_attempt a ON a.payment_id = p.id
        WHERE p.id = ANY ($1::uuid[]) GROUP BY 1, 2, 3`,
      [all.map(({ id }) => id)],
    );
    expect(rows).toEqual([{ state: 'confirmed', outcome: 'settled', fee: '100000', n: 100 }]);
  });
});
