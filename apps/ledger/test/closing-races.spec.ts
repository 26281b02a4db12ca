import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database, type Sql } from '@quittance/database';
import { createLogger, Metrics } from '@quittance/observability';
import { startTestDatabase, type TestDatabase } from '@quittance/testing';
import pg from 'pg';

import type { Actor } from '../src/access/role.js';
import { AssetDirectory } from '../src/asset/asset-directory.js';
import { BooksCheckRepository } from '../src/checker/books-check.repository.js';
import { CheckRunRepository } from '../src/checker/check-run.repository.js';
import { CheckerLoop } from '../src/checker/checker.loop.js';
import { CheckerFigures } from '../src/checker/checker-figures.js';
import { JournalRepository } from '../src/journal/journal.repository.js';
import { ChecklistRepository } from '../src/period/checklist.repository.js';
import type { ChecklistItem } from '../src/period/period.js';
import { PeriodRepository } from '../src/period/period.repository.js';
import type { Period } from '../src/period/period.schema.js';
import { EntryPoster } from '../src/posting/entry-poster.repository.js';
import { PostingRepository } from '../src/posting/posting.repository.js';
import { CheckpointSigner } from '../src/proof/checkpoint-key.adapter.js';
import { CheckpointRepository } from '../src/proof/checkpoint.repository.js';
import { SealingRepository } from '../src/proof/sealing.repository.js';
import { asset, chainId, PaymentStory } from './payment-events.js';
import { testKey, testOrigin } from './sealed-books.js';

/** Closes and checks while others post, and what the checklist sees. */

const ada: Actor = { name: 'ada', roles: ['operator'] };
const cleo: Actor = { name: 'cleo', roles: ['controller', 'approver'] };
const endsAt = new Date('2026-11-21T00:00:00Z');

let server: TestDatabase;
let database: Database;
let other: pg.Client;
let periods: PeriodRepository;
let journals: JournalRepository;
let postings: PostingRepository;
let runs: CheckRunRepository;
let checker: CheckerLoop;

beforeAll(async () => {
  server = await startTestDatabase();
  database = Database.connect({ url: server.serviceUrls.ledger, applicationName: 'closing-races-spec' });
  other = new pg.Client({ connectionString: server.serviceUrls.ledger });
  await other.connect();
  periods = new PeriodRepository(database);
  journals = new JournalRepository(database, new EntryPoster(database), new AssetDirectory([]));
  postings = new PostingRepository(database);
  runs = new CheckRunRepository(database);
  checker = new CheckerLoop({
    books: new BooksCheckRepository(database),
    runs,
    figures: new CheckerFigures(
      new Metrics({ service: 'ledger', processFigures: 'omit' }),
      async () => false,
    ),
    log: createLogger({ service: 'ledger', level: 'silent' }),
  });
}, 60_000);

afterAll(async () => {
  await other.end();
  await database.close();
  await server.stop();
});

const within = <Result>(work: (sql: Sql) => Promise<Result>): Promise<Result> =>
  database.transaction(({ sql }) => work(sql));

async function asOwner(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: server.adminUrl });
  await client.connect();
  await client.query(statement).finally(() => client.end());
}

/** Resolves once so many sessions wait for a lock. */
async function waitersAre(count: number): Promise<void> {
  for (let waiting = -1; waiting !== count;) {
    const rows = await database.sql(
      "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    );
    waiting = rows.length;
  }
}

const held = (story: PaymentStory): string =>
  `WITH h AS (
     INSERT INTO ledger.transaction (book, source, source_event_id, event_type, payment_id, shard, effective_at, occurred_at)
     VALUES ('F', 'event', gen_random_uuid(), 'payment.accepted', '${story.paymentId}', 0, '2026-11-20Z', '2026-11-20Z') RETURNING id)
   INSERT INTO ledger.entry (transaction_id, line, account_id, asset_id, layer, amount)
   SELECT h.id, row_number() OVER (), a.id, a.asset_id, 'encumbered', CASE WHEN a.code LIKE 'F:payer:%' THEN -5 ELSE 5 END
     FROM h, ledger.account a WHERE a.code IN ('F:authorized:${chainId}', 'F:payer:${chainId}:${story.payer}')`;

describe('a soft close', () => {
  const early = new PaymentStory({ name: 'early', amount: 3n });
  const story = new PaymentStory({ name: 'meanwhile', amount: 7n });

  it('waits for who posts, and who comes meanwhile posts behind it', async () => {
    await postings.post({ events: [early.accepted()], shard: 0 });
    const period = await within((sql) => periods.create(sql, { book: 'F', endsAt, actor: cleo }));
    await other.query('BEGIN');
    await other.query(held(early));
    const order: string[] = [];
    const closed = within((sql) =>
      periods.step(sql, period, { step: 'soft', reason: 'over', actor: cleo }),
    ).then(() => order.push('closed'));
    await waitersAre(1);
    const posted = postings.post({ events: [story.accepted()], shard: 0 }).then(() => order.push('posted'));
    await waitersAre(2);
    expect(order).toEqual([]);
    // What was made up for the lock is no payment's: nothing of it is to stay.
    await other.query('ROLLBACK');
    await Promise.all([closed, posted]);
    const rows = await database.sql<{ effective_at: Date; late: boolean }>(
      'SELECT effective_at, occurred_at < effective_at AS late FROM ledger.transaction WHERE payment_id = $1',
      [story.paymentId],
    );
    expect(rows).toEqual([{ effective_at: endsAt, late: true }]);
  });
});

describe('a check of everything', () => {
  it('that was cut short is done by whoever looks next, and by one at a time', async () => {
    const { id } = await runs.beginNow('full', 'otto');
    expect(await runs.one(id)).toMatchObject({ state: 'running' });
    let others: boolean | undefined;
    await runs.forEachPending(async (pending) => {
      expect(pending).toBe(id);
      others = await runs.forEachPending(() => Promise.reject(new RangeError('two at once')));
    });
    expect(others).toBe(false);
    expect(await runs.one(id)).toMatchObject({ state: 'running' });
    await checker.checkPending();
    expect(await runs.one(id)).toMatchObject({ state: 'green', drift: [], actor: 'otto' });
    await checker.checkPending();
    expect(
      (await runs.list({ scope: 'full', state: undefined, cursor: undefined, limit: 5 })).items,
    ).toHaveLength(1);
  });

  it('tells of money that is on a clearing account for long, and calls it no drift', async () => {
    const report = await new BooksCheckRepository(database).check({});
    expect(report.drift).toEqual([]);
    expect(report.overdue.map(({ subject }) => subject).sort()).toEqual(
      // Both were accepted a week ago; nobody settled them.
      [new PaymentStory({ name: 'early', amount: 3n }), new PaymentStory({ name: 'meanwhile', amount: 7n })]
        .map(({ paymentId }) => `payment ${paymentId} on F:authorized:${chainId}`)
        .sort(),
    );
  });
});

describe('the checklist', () => {
  let period: Period;
  const items = async (): Promise<ReadonlyMap<string, ChecklistItem>> => {
    const { items: all } = await within((sql) => new ChecklistRepository().compute(sql, period));
    return new Map(all.map((item) => [item.name, item]));
  };
  const outcomeOf = async (name: string): Promise<unknown> => (await items()).get(name)?.outcome;

  beforeAll(async () => {
    const [found] = (await periods.list({ book: 'F', state: 'soft', cursor: undefined, limit: 1 })).items;
    if (found === undefined) throw new RangeError('there is no period');
    period = found;
  });

  it('sees that there is nothing of what is not set up', async () => {
    expect(await outcomeOf('reconciliation')).toBe('not_configured');
    expect(await outcomeOf('checkpoint')).toBe('not_configured');
  });

  it('sees what is not sealed yet, and what is not signed', async () => {
    expect(await outcomeOf('sealed')).toBe('fail');
    const sealing = new SealingRepository(database);
    while ((await sealing.seal()).outcome === 'sealed');
    expect(await outcomeOf('sealed')).toBe('pass');
    await new CheckpointRepository(database, CheckpointSigner.of(testOrigin, testKey)).sign();
    expect(await outcomeOf('checkpoint')).toBe('pass');
  });

  it('sees how far a chain was compared, and on what it does not agree', async () => {
    await asOwner(
      `INSERT INTO ledger.reconciliation (chain_id, first_block, next_block) VALUES ('${chainId}', 1, 1)`,
    );
    expect((await items()).get('reconciliation')).toMatchObject({
      outcome: 'fail',
      listed: [expect.stringContaining('compared until never')],
    });
    await asOwner(`UPDATE ledger.reconciliation SET next_block = 9, last_time = '2026-11-22Z'`);
    expect(await outcomeOf('reconciliation')).toBe('pass');
    await asOwner(
      `INSERT INTO ledger.reconciliation_break (chain_id, type, subject, block_number, asset, value, detail)
       VALUES ('${chainId}', 'amount', 'a log', 7, '${asset}', 12, 'one says 12 more')`,
    );
    expect((await items()).get('reconciliation')).toMatchObject({
      outcome: 'fail',
      listed: [`break 1: amount, 12 of ${asset}`],
    });
    await asOwner(`UPDATE ledger.reconciliation_break SET state = 'healed', closed_at = now()`);
    expect(await outcomeOf('reconciliation')).toBe('pass');
  });

  it('sees a red standing and a green check, in this order', async () => {
    expect(await outcomeOf('check')).toBe('pass');
    await database.sql(`SELECT ledger.suspend('a suspicion')`);
    expect((await items()).get('check')).toMatchObject({
      outcome: 'fail',
      detail: expect.stringContaining('a suspicion'),
    });
    const { id } = await runs.beginNow('full', 'otto');
    await checker.checkPending();
    expect(await runs.one(id)).toMatchObject({ state: 'green', drift: [] });
    await database.sql(
      `INSERT INTO ledger.standing_change (read_only, reason, actor, check_id) VALUES (false, 'unfounded', 'cleo', $1)`,
      [id],
    );
    expect(await outcomeOf('check')).toBe('pass');
  });
});

describe('a hard close', () => {
  it('keeps the controller from posting until it is through, and for ever after', async () => {
    const [period] = (await periods.list({ book: 'F', state: 'soft', cursor: undefined, limit: 1 })).items;
    if (period === undefined) throw new RangeError('there is no period');
    const draft = await within((sql) =>
      journals.draft(
        sql,
        {
          book: 'F',
          effectiveAt: new Date('2026-11-20T10:00:00Z'),
          reason: 'too late',
          paymentId: null,
          reverses: null,
          lines: [
            { account: `F:transit:${chainId}`, asset, layer: 'settled', amount: 1n },
            { account: `F:authorized:${chainId}`, asset, layer: 'settled', amount: -1n },
          ],
        },
        ada,
      ),
    );
    let approval: Promise<unknown> = Promise.resolve();
    await within(async (sql) => {
      await periods.hold(sql, period.id);
      approval = within((its) =>
        journals.decide(its, draft, { verdict: 'approved', reason: 'fine', actor: cleo }),
      ).catch((fault: unknown) => fault);
      await waitersAre(1);
      const { items, checkId } = await new ChecklistRepository().compute(sql, period);
      const record = {
        checklist: items.filter(({ outcome }) => outcome === 'pass'),
        explanations: {},
        checkId,
      };
      await periods.close(sql, period, {
        reason: 'done',
        actor: cleo,
        record: { ...record, seal: await periods.seal(sql) },
      });
    });
    expect(await approval).toMatchObject({ constraint: 'transaction_period_open' });
    expect(await periods.one(period.id)).toMatchObject({ state: 'hard' });
  });
});
