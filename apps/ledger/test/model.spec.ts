import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '@quittance/database';
import { startTestDatabase, type TestDatabase } from '@quittance/testing';
import fc from 'fast-check';

import { Tariff } from '../src/merchant/tariff.js';
import { EntryPoster } from '../src/posting/entry-poster.repository.js';
import { PostingRepository } from '../src/posting/posting.repository.js';
import { Auditor, type Fees } from './auditor.js';
import { commandArbitraries, payments, type Tally } from './model/commands.js';
import { BooksDifferError, differences, Lockstep } from './model/lockstep.js';
import { Sequence } from './model/sequence.js';
import { asset } from './payment-events.js';
import { disorderedHistories } from './payment-histories.js';

/**
 * Sequences of commands, drawn at random, against the real books and against the auditor, which must agree after every
 * command. `npm run test:ledger -- --sequences N --commands N --seed N` runs more of them.
 */

const sequences = Number(process.env['LEDGER_SEQUENCES'] ?? 300);
const commandsMax = Number(process.env['LEDGER_COMMANDS'] ?? 24);
const seed = Number(process.env['LEDGER_SEED'] ?? 20_261_128);
const historiesThroughPostgres = 200;
/** Sequences that go in step, so that each step of all of them is one transaction. */
const width = 50;
const millisecondsPerSequence = 1_000;

/** In the middle of what happens to payments: some are confirmed before and some after. */
const dearerFrom = '2026-11-20T12:00:05.000Z';
const tariff = new Tariff(
  [],
  [
    { from: new Date(0), basisPoints: 100, fixed: new Map([[asset, 3n]]) },
    { from: new Date(dearerFrom), basisPoints: 250, fixed: new Map() },
  ],
);
const fees: Fees = (payTo, amount, at) => {
  const fee = at < dearerFrom ? amount / 100n + 3n : amount / 40n;
  return { merchant: payTo, fee: fee < amount ? fee : amount };
};

let server: TestDatabase;
let database: Database;

beforeAll(async () => {
  server = await startTestDatabase();
  database = Database.connect({ url: server.serviceUrls.ledger, applicationName: 'model-spec' });
}, 60_000);

afterAll(async () => {
  await database.close();
  await server.stop();
});

/** Every balance there is, of everybody. */
async function balances(): Promise<Map<string, bigint>> {
  const rows = await database.sql<{ place: string; sum: string }>(
    `SELECT format('%s %s %s', b.layer, a.code, s.code) AS place, sum(b.debit - b.credit)::text AS sum
       FROM ledger.balance b JOIN ledger.account a ON a.id = b.account_id JOIN ledger.asset s ON s.id = a.asset_id
      GROUP BY 1 HAVING sum(b.debit - b.credit) <> 0`,
  );
  return new Map(rows.map(({ place, sum }) => [place, BigInt(sum)]));
}

// Without bias: the first runs would be of short sequences, and there are few runs.
const lives = fc.record({
  first: payments,
  commands: fc.noBias(fc.commands(commandArbitraries, { maxCommands: commandsMax, size: 'max' })),
});
const batches = fc.array(lives, {
  minLength: Math.min(width, sequences),
  maxLength: Math.min(width, sequences),
});

type Life = {
  readonly first: { readonly amount: bigint; readonly ceiling: bigint | null };
  readonly commands: Iterable<fc.AsyncCommand<Sequence, Tally>>;
};

describe('any sequence of commands', () => {
  it(
    'leaves in the books what the auditor says, after each of them',
    async () => {
      const posting = new PostingRepository(database, { tariff });
      const lockstep = await Lockstep.start(database, posting, new EntryPoster(database));
      const done = new Map<string, number>();
      const count = (name: string): void => void done.set(name, (done.get(name) ?? 0) + 1);
      const total = new Map<string, bigint>();
      let played = 0;
      let hasFailed = false;

      const play = async ({ first, commands }: Life): Promise<void> => {
        const model = new Sequence(`sequence ${(played += 1)}`, lockstep, fees);
        lockstep.join(model);
        try {
          model.begin(first);
          await fc.asyncModelRun(() => ({ model, real: { count } }), commands);
          await model.deliver(model.pending);
        } catch (error) {
          const what = error instanceof Error ? error.message : String(error);
          throw new BooksDifferError(`${String(commands)}\n${what}`, { cause: error });
        } finally {
          lockstep.leave(model);
          for (const [place, sum] of model.books()) total.set(place, (total.get(place) ?? 0n) + sum);
        }
      };

      await fc.assert(
        fc.asyncProperty(batches, async (batch) => {
          const ends = await Promise.allSettled(batch.map(play));
          const broken = ends.find((end) => end.status === 'rejected');
          hasFailed ||= broken !== undefined;
          if (broken !== undefined) throw broken.reason;
          // What is cut short on the way to the least failure leaves the sums behind.
          if (!hasFailed) expect(differences(total, await balances())).toEqual([]);
        }),
        { numRuns: Math.ceil(sequences / width), seed },
      );
      const told = [...done].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, times]) => `${name} ${times}`);
      process.stdout.write(`${played} sequences, seed ${seed}: ${told.join(', ')}\n`);
      // A command that is never drawn shows nothing.
      expect([...done.values()].filter((times) => times < sequences / 30)).toEqual([]);
      expect(done.size).toBe(21);
    },
    90_000 + sequences * millisecondsPerSequence,
  );

  it('and histories cut into batches, permuted, repeated and late, end as the auditor has them', async () => {
    const lockstep = await Lockstep.start(
      database,
      new PostingRepository(database),
      new EntryPoster(database),
    );
    const drawn = fc.sample(disorderedHistories, { numRuns: historiesThroughPostgres, seed });
    const ids = new Set(drawn.map(({ history }) => history.story.paymentId));
    expect(ids.size).toBe(drawn.length);
    const members = drawn.map(({ history, delivered }) => {
      const auditor = new Auditor(() => null);
      const paymentIds = [history.story.paymentId];
      return { delivered, auditor, paymentIds, sourceEventIds: [], books: () => auditor.books() };
    });
    for (const member of members) lockstep.join(member);
    await Promise.all(
      members.map(async (member, index) => {
        const size = 1 + (index % 5);
        for (let at = 0; at < member.delivered.length; at += size) {
          const events = member.delivered.slice(at, at + size);
          for (const event of events) member.auditor.hear(event);
          await lockstep.act(member, { events });
        }
        lockstep.leave(member);
      }),
    );
  });
});
