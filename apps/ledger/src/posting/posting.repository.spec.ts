import { inspect } from 'node:util';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Database } from '@quittance/database';
import type { PaymentEvent, QuittanceEvent } from '@quittance/events';
import { startTestDatabase, type TestDatabase } from '@quittance/testing';

import { chainId, filled, finalized, PaymentStory, suspensions } from '../../test/payment-events.js';
import { EventContradictsError } from './posting-error.js';
import { OutdatedPlanError } from './posting-error.js';
import { PostingRepository } from './posting.repository.js';
import { postEvents } from './posting.js';
import { netLines } from './line.js';

let server: TestDatabase;
let database: Database;
let repository: PostingRepository;

beforeAll(async () => {
  server = await startTestDatabase();
  // As the service does: plans by index also take the rows of payments in the order of their ids.
  database = Database.connect({
    url: server.serviceUrls.ledger,
    applicationName: 'ledger-spec',
    planByIndex: true,
  });
  repository = new PostingRepository(database);
}, 60_000);

afterAll(async () => {
  await database.close();
  await server.stop();
});

let number = 0;
beforeEach(() => {
  number += 1;
});

const post = (events: readonly QuittanceEvent[], shard = 0): Promise<readonly QuittanceEvent[]> =>
  repository.post({ events, shard });

const newStory = (name = 'one', amount = 1_000_000n): PaymentStory =>
  new PaymentStory({ name: `${number} ${name}`, amount });

/** Positions of payments as the database has them: only what is not zero. */
async function linesOf(stories: readonly PaymentStory[]): Promise<string[]> {
  const rows = await database.sql<{ line: string }>(
    `SELECT format('%s %s %s %s', a.code, s.code, e.layer, sum(e.amount)) AS line
       FROM ledger.entry e JOIN ledger.transaction t ON t.id = e.transaction_id
       JOIN ledger.account a ON a.id = e.account_id JOIN ledger.asset s ON s.id = e.asset_id
      WHERE t.payment_id = ANY ($1::uuid[])
      GROUP BY a.code, s.code, e.layer HAVING sum(e.amount) <> 0`,
    [stories.map((story) => story.paymentId)],
  );
  return rows.map(({ line }) => line).sort();
}

function expectedLines(histories: readonly (readonly PaymentEvent[])[]): string[] {
  const lines = histories.flatMap((events) =>
    postEvents({ facts: null, posted: [] }, events).postings.flatMap((one) => one.lines),
  );
  return netLines(lines)
    .map((line) => `${line.account} ${line.asset} ${line.layer} ${line.amount}`)
    .sort();
}

/** Balances against the sum of the lines, account by account: must always be none. */
const drift = (): Promise<unknown[]> =>
  database.sql(
    `SELECT * FROM (SELECT account_id, layer, sum(debit - credit) AS balance FROM ledger.balance GROUP BY 1, 2) b
       FULL JOIN (SELECT account_id, layer, sum(amount) AS lines FROM ledger.entry GROUP BY 1, 2) e USING (account_id, layer)
      WHERE b.balance IS DISTINCT FROM e.lines`,
  );

const headers = async (story: PaymentStory): Promise<unknown[]> =>
  database.sql(
    'SELECT event_type, book, chain_transaction FROM ledger.transaction WHERE payment_id = $1 ORDER BY id',
    [story.paymentId],
  );

/** A repeatable disorder. */
function shuffled<T>(items: readonly T[], seed: number): T[] {
  let state = seed;
  const keyed = items.map((item) => {
    state = (state * 48_271) % 2_147_483_647;
    return { item, key: state };
  });
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}

describe('posting a batch', () => {
  it('writes a header for each event and book that changes', async () => {
    const story = newStory();
    for (const event of [story.accepted(), story.submitted(), story.confirmed('us')]) await post([event]);
    const hash = story.transaction(1);
    expect(await headers(story)).toEqual([
      { event_type: 'payment.accepted', book: 'F', chain_transaction: null },
      { event_type: 'settlement.submitted', book: 'F', chain_transaction: hash },
      { event_type: 'settlement.submitted', book: 'G', chain_transaction: hash },
      { event_type: 'settlement.confirmed', book: 'F', chain_transaction: hash },
      { event_type: 'settlement.confirmed', book: 'G', chain_transaction: hash },
    ]);
    expect(await drift()).toEqual([]);
  });

  it('writes what only announced with what came of it, where they come together', async () => {
    const story = newStory();
    await post([story.accepted(), story.submitted(), story.confirmed('us')]);
    const hash = story.transaction(1);
    expect(await headers(story)).toEqual([
      { event_type: 'settlement.confirmed', book: 'F', chain_transaction: hash },
      { event_type: 'settlement.confirmed', book: 'G', chain_transaction: hash },
    ]);
    expect(await drift()).toEqual([]);
  });

  it('counts the settlements of a payment, and names the log of each', async () => {
    const story = newStory();
    const first = story.confirmed('us', {}, 'first');
    const second = story.confirmed('us', {}, 'second');
    await post([story.accepted(), story.submitted(), first]);
    await post([story.reorged(first)]);
    await post([second, story.reorged(second)]);
    // The first block is back.
    await post([{ ...first, id: '0b0e1f4e-2c52-8c1c-8a3e-6a3d1b1f0004' }]);
    const settlements = await database.sql(
      `SELECT settlement, encode(log_block, 'hex') AS block, log_index, log_turn
         FROM ledger.transaction WHERE payment_id = $1 AND settlement IS NOT NULL ORDER BY id`,
      [story.paymentId],
    );
    const blockOf = (event: PaymentEvent): string =>
      'block' in event.data ? (event.data.block?.hash.slice(2) ?? '') : '';
    expect(settlements).toEqual([
      { settlement: 1, block: blockOf(first), log_index: 3, log_turn: 0 },
      { settlement: -1, block: null, log_index: null, log_turn: 0 },
      { settlement: 2, block: blockOf(second), log_index: 3, log_turn: 0 },
      { settlement: -2, block: null, log_index: null, log_turn: 0 },
      { settlement: 3, block: blockOf(first), log_index: 3, log_turn: 1 },
    ]);
    expect(await drift()).toEqual([]);
  });

  it('writes nothing for events that it reads again after a restart, whatever their batches', async () => {
    const stories = Array.from({ length: 20 }, (_, index) => newStory(`again ${index}`));
    const events = stories.flatMap((story) => [story.accepted(), story.submitted(), story.confirmed('us')]);
    await post(events);
    const counts = (): Promise<unknown[]> =>
      database.sql(
        `SELECT (SELECT count(*) FROM ledger.transaction) AS headers, (SELECT count(*) FROM ledger.entry) AS lines,
                (SELECT sum(version) FROM ledger.payment) AS changes, (SELECT sum(debit) FROM ledger.balance) AS debits`,
      );
    const before = await counts();
    const restarted = new PostingRepository(database);
    for (const batch of [events, shuffled(events, 3), events.slice(7, 31)])
      expect(await restarted.post({ events: batch, shard: 1 })).toEqual([]);
    expect(await counts()).toEqual(before);
  });

  it('changes nothing when everything is delivered again, in other batches', async () => {
    const story = newStory();
    const events = [story.accepted(), story.submitted(), story.confirmed('us')];
    await post(events);
    const before = await headers(story);
    await post(events);
    for (const event of events) await post([event, event]);
    expect(await headers(story)).toEqual(before);
  });

  it('comes to the same lines event by event, whatever comes first', async () => {
    const stories = [newStory('a'), newStory('b'), newStory('c')];
    const histories = stories.map((story) => [story.accepted(), story.submitted(), story.confirmed('us')]);
    for (const event of shuffled(histories.flat(), 7)) await post([event]);
    expect(await linesOf(stories)).toEqual(expectedLines(histories));
    expect(await drift()).toEqual([]);
  });

  it.each([1n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 128n, 2n ** 256n - 1n])(
    'keeps %s to the last unit, twelve times over',
    async (amount) => {
      const stories = Array.from({ length: 12 }, (_, index) => newStory(`${amount} ${index}`, amount));
      const histories = stories.map((story) => [
        story.accepted(),
        story.submitted(),
        story.confirmed('other', null),
      ]);
      await post(histories.flat());
      const [row] = await database.sql<{ balance: string }>(
        `SELECT sum(b.debit - b.credit)::text AS balance FROM ledger.balance b JOIN ledger.account a ON a.id = b.account_id
        WHERE b.layer = 'settled' AND a.code = ANY ($1::text[])`,
        [stories.map((story) => `F:payer:eip155:84532:${story.payer}`)],
      );
      expect(row?.balance).toBe((amount * -12n).toString());
      expect(await drift()).toEqual([]);
    },
  );

  it('refuses an event that contradicts an earlier one, and keeps nothing of its batch', async () => {
    const [story, other] = [newStory(), newStory('other')];
    await post([story.accepted()]);
    const submitted = story.submitted();
    const wrong = { ...submitted, data: { ...submitted.data, amount: '5' } } as QuittanceEvent;
    await expect(post([other.accepted(), wrong])).rejects.toBeInstanceOf(EventContradictsError);
    expect(await headers(other)).toEqual([]);
    await post([other.accepted(), submitted]);
    expect(await headers(other)).toHaveLength(1);
  });
});

describe('what is known of a payment', () => {
  it('is measured by the books themselves where other rules posted it', async () => {
    const story = newStory();
    await post([story.accepted()]);
    // Facts of a release that posted nothing for an acceptance and everything at the end.
    const later = [story.submitted(), story.confirmed('us')];
    await database.sql(
      `UPDATE ledger.payment SET rules = 0, facts = (replace(facts::text, '"expired":null', '"expired":{"at":"2026-11-20T12:00:00.000Z","eventId":"none"}'))::json WHERE id = $1`,
      [story.paymentId],
    );
    for (const event of later) await post([event]);
    expect(await linesOf([story])).toEqual(expectedLines([[story.accepted(), ...later]]));
    const [row] = await database.sql('SELECT rules FROM ledger.payment WHERE id = $1', [story.paymentId]);
    expect(row).toEqual({ rules: 1 });
  });

  it('follows a reorganisation through the books', async () => {
    const story = newStory();
    const [first, again] = [story.confirmed('us'), story.confirmed('us', { fee: 7n }, 'another block')];
    const events = [
      story.accepted(),
      story.submitted(),
      story.replaced(1, 2, 5n),
      first,
      story.reorged(first),
      again,
    ];
    for (const event of shuffled(events, 3)) await post([event, event]);
    expect(await linesOf([story])).toEqual(expectedLines([events]));
    expect(await drift()).toEqual([]);
  });
});

describe('what is told of a chain', () => {
  const spent = async (): Promise<string[]> => {
    const rows = await database.sql<{ line: string }>(
      `SELECT format('%s %s', a.code, sum(b.debit - b.credit)) AS line
         FROM ledger.balance b JOIN ledger.account a ON a.id = b.account_id
        WHERE a.code ~ '^G:expense:gas:.*:(filler|topup|given)$' GROUP BY a.code ORDER BY a.code`,
    );
    return rows.map(({ line }) => line);
  };

  it('posts what a filler cost once, and not what a later one took back, in any order', async () => {
    const first = filled(`${number} first`, 100n);
    const second = filled(`${number} second`, 70n, { takesBack: first });
    const third = filled(`${number} third`, 30n, { takesBack: second });
    const account = `G:expense:gas:${chainId}:filler`;
    await post([first, first]);
    await post([first]);
    expect(await spent()).toEqual([`${account} 100`]);
    await post([third]);
    expect(await spent()).toEqual([`${account} 130`]);
    // Taken back already: it mirrors the first, and costs nothing itself.
    await post([second]);
    expect(await spent()).toEqual([`${account} 30`]);
    const headers = await database.sql<{ book: string; payment_id: null }>(
      `SELECT book, payment_id FROM ledger.transaction WHERE event_type = 'settlement.filled'`,
    );
    expect(headers).toEqual(Array.from({ length: 3 }, () => ({ book: 'G', payment_id: null })));
    expect(await drift()).toEqual([]);
  });

  it('posts what a payer was given for an approval beside what that cost, and takes both back', async () => {
    const before = await spent();
    const given = filled(`${number} given`, 20n, { topUp: 140n });
    await post([given, given]);
    const [prefix, others] = [`G:expense:gas:${chainId}`, before.filter((line) => !line.includes(':topup '))];
    expect(await spent()).toEqual([...others, `${prefix}:given 140`, `${prefix}:topup 20`].sort());
    await post([filled(`${number} given again`, 25n, { takesBack: given, topUp: 140n })]);
    expect(await spent()).toEqual([...others, `${prefix}:given 140`, `${prefix}:topup 25`].sort());
    expect(await drift()).toEqual([]);
  });

  it('moves the final block forward only', async () => {
    const block = async (): Promise<unknown> =>
      (await database.sql('SELECT final_block::text AS block FROM ledger.chain'))[0];
    await post([finalized(90n), finalized(100n), finalized(95n)]);
    expect(await block()).toEqual({ block: '100' });
    await post([finalized(99n)]);
    expect(await block()).toEqual({ block: '100' });
  });

  it('takes what is nothing to the books, and posts nothing for it', async () => {
    const before = await database.sql('SELECT count(*) FROM ledger.transaction');
    expect(await post(suspensions())).toEqual(suspensions());
    expect(await post(suspensions())).toEqual([]);
    expect(await database.sql('SELECT count(*) FROM ledger.transaction')).toEqual(before);
  });
});

describe('batches at the same time', () => {
  it('post every event once without a deadlock, though they overlap and hold the same payments', async () => {
    const stories = Array.from({ length: 60 }, (_, index) => newStory(`${index}`, BigInt(index + 1)));
    const histories = stories.map((story, index) => [
      story.accepted(),
      story.submitted(),
      index % 3 === 0 ? story.failed() : story.confirmed('us'),
    ]);
    const events = histories.flat();
    const deliveries = Array.from({ length: 16 }, (_, index) => shuffled(events, index + 11).slice(0, 120));
    const repeats = watchRepeats();
    await Promise.all(
      [...deliveries, shuffled(events, 5)].map(async (batch, index) => delivered(batch, index % 4)),
    );
    expect(await linesOf(stories)).toEqual(expectedLines(histories));
    expect(await drift()).toEqual([]);
    // A deadlock would have made the database run the work of a transaction again.
    expect(repeats()).toEqual([]);
  });

  it('keep apart what they tell of one payment: the second sees what the first posted', async () => {
    const story = newStory();
    await post([story.accepted()]);
    await whileHeld('SELECT 1 FROM ledger.payment WHERE id = $1 FOR UPDATE', story.paymentId, [
      [story.submitted()],
      [story.confirmed('us')],
    ]);
    expect(await linesOf([story])).toEqual(
      expectedLines([[story.accepted(), story.submitted(), story.confirmed('us')]]),
    );
    expect(await drift()).toEqual([]);
  });

  it('take new payments in one order: neither waits for the other in a circle', async () => {
    const stories = [newStory('a'), newStory('b'), newStory('c')].sort((a, b) =>
      a.paymentId < b.paymentId ? -1 : 1,
    );
    const repeats = watchRepeats();
    await whileHeld(
      "INSERT INTO ledger.payment (id, facts, rules) VALUES ($1, '{}', 1)",
      stories[1]?.paymentId,
      [stories.map((story) => story.submitted()), stories.toReversed().map((story) => story.accepted())],
    );
    expect(repeats()).toEqual([]);
    expect(await drift()).toEqual([]);
  });

  /** Holds a payment until both batches wait, then lets go without a trace. */
  async function whileHeld(
    hold: string,
    paymentId: string | undefined,
    batches: readonly QuittanceEvent[][],
  ): Promise<void> {
    const posts: Promise<unknown>[] = [];
    const held = database.transaction(async ({ sql }) => {
      await sql(hold, [paymentId]);
      posts.push(...batches.map((batch, index) => post(batch, index)));
      await waitersAre(batches.length);
      throw new RangeError('let go');
    });
    await expect(held).rejects.toBeInstanceOf(RangeError);
    await Promise.all(posts);
  }

  async function waitersAre(count: number): Promise<void> {
    for (let waiting = -1; waiting !== count;) {
      const rows = await database.sql(
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
      );
      waiting = rows.length;
    }
  }

  /** How often the work of a transaction was run again, because it stood in another's way. */
  /** As the transport does it: a batch whose payments others keep changing comes again. */
  async function delivered(batch: readonly QuittanceEvent[], shard: number): Promise<void> {
    for (;;) {
      try {
        await post(batch, shard);
        return;
      } catch (fault) {
        if (!(fault instanceof OutdatedPlanError)) throw fault;
      }
    }
  }

  /** Why the work of transactions was done again, with what the database said of each deadlock. */
  function watchRepeats(): () => readonly string[] {
    const repeats: string[] = [];
    const transaction = database.transaction.bind(database);
    database.transaction = async (work) => {
      let before: unknown = null;
      return transaction(async (tx) => {
        if (before !== null) repeats.push(inspect(before, { depth: 4 }));
        try {
          return await work(tx);
        } catch (fault) {
          before = fault;
          throw fault;
        }
      });
    };
    return () => {
      database.transaction = transaction;
      return repeats;
    };
  }
});
