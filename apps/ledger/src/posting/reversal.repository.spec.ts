import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Database } from '@quittance/database';
import type { EventOf, PaymentEvent, QuittanceEvent } from '@quittance/events';
import { startTestDatabase, type TestDatabase } from '@quittance/testing';

import { finalized, PaymentStory } from '../../test/payment-events.js';
import { PostingRepository } from './posting.repository.js';

/** What a reorganization takes back, in the books: the header that it mirrors, and whether it was final. */

const block = 1_234_567n;
const [noon, evening, night] = [12, 18, 23].map((hour) => new Date(Date.UTC(2026, 10, 20, hour, 30)));

let server: TestDatabase;
let database: Database;
let alarms: string[];
let repository: PostingRepository;
let number = 0;

beforeAll(async () => {
  server = await startTestDatabase();
  database = Database.connect({ url: server.serviceUrls.ledger, applicationName: 'reversal-spec' });
}, 60_000);

afterAll(async () => {
  await database.close();
  await server.stop();
});

beforeEach(() => {
  number += 1;
  alarms = [];
  repository = new PostingRepository(database, { onReorgAfterFinal: ({ id }) => alarms.push(id) });
});

const post = async (...events: QuittanceEvent[]): Promise<void> =>
  void (await repository.post({ events, shard: 0 }));

type Told = { readonly book: string; readonly kind: string; readonly mirrors: string | null };

const headersOf = async (event: PaymentEvent): Promise<Told[]> =>
  database.sql<Told>(
    `SELECT t.book, t.event_type AS kind, r.event_type AS mirrors
       FROM ledger.transaction t LEFT JOIN ledger.transaction r ON r.id = t.reverses AND r.book = t.book
      WHERE t.source_event_id = $1 ORDER BY t.book`,
    [event.id],
  );

async function settled(): Promise<{ story: PaymentStory; confirmed: EventOf<'settlement.confirmed'> }> {
  const story = new PaymentStory({ name: `reversed ${number}`, amount: 5n });
  const [accepted, submitted, confirmed] = [story.accepted(), story.submitted(), story.confirmed('us')];
  await post(accepted, submitted);
  await post(confirmed);
  return { story, confirmed: confirmed as EventOf<'settlement.confirmed'> };
}

const twice = (kind: string, mirrors: string | null): Told[] =>
  ['F', 'G'].map((book) => ({ book, kind, mirrors }));

describe('a reorganization', () => {
  it('before anything is final names the headers that it mirrors, and calls nobody', async () => {
    const { story, confirmed } = await settled();
    const reorged = story.reorged(confirmed, noon);
    await post(reorged);
    expect(await headersOf(reorged)).toEqual(twice('settlement.reorged', 'settlement.confirmed'));
    expect(alarms).toEqual([]);
  });

  it('names none where it is no exact mirror: what it takes back was posted in other steps', async () => {
    const story = new PaymentStory({ name: `crooked ${number}`, amount: 5n });
    const [accepted, submitted, confirmed] = [story.accepted(), story.submitted(), story.confirmed('us')];
    await post(confirmed, accepted);
    await post(submitted);
    const reorged = story.reorged(confirmed, noon);
    await post(reorged);
    expect(await headersOf(reorged)).toEqual(twice('settlement.reorged', null));
  });

  it('that was told before the block became final is an ordinary one, though it is read later', async () => {
    const { story, confirmed } = await settled();
    await post(finalized(block, 'first', evening));
    const reorged = story.reorged(confirmed, noon);
    await post(reorged);
    expect(await headersOf(reorged)).toEqual(twice('settlement.reorged', 'settlement.confirmed'));
    expect(alarms).toEqual([]);
  });

  it('of a final block has a kind of its own, mirrors what was settled, and calls somebody once', async () => {
    const { story, confirmed } = await settled();
    const reorged = story.reorged(confirmed, night);
    await post(reorged, finalized(block, 'again', evening));
    await post(reorged);
    expect(await headersOf(reorged)).toEqual(twice('settlement.reorged_after_final', 'settlement.confirmed'));
    expect(alarms).toEqual([reorged.id]);
  });

  it('of a final block calls nobody when it cannot be committed', async () => {
    const { story, confirmed } = await settled();
    const reorged = story.reorged(confirmed, night);
    const wrong = {
      ...story.submitted(2),
      data: { ...story.submitted(2).data, amount: '6' },
    } as QuittanceEvent;
    await expect(post(reorged, wrong)).rejects.toMatchObject({ code: 'event_contradicts' });
    expect(alarms).toEqual([]);
    await post(reorged);
    expect(alarms).toEqual([reorged.id]);
  });

  it('of a block above the final one is an ordinary one', async () => {
    const { story, confirmed } = await settled();
    const above = { ...confirmed.data.block, number: (block + 1n).toString() };
    const told = story.reorged(confirmed, night);
    await post({ ...told, data: { ...told.data, block: above } });
    expect(await headersOf(told)).toEqual(twice('settlement.reorged', 'settlement.confirmed'));
    expect(alarms).toEqual([]);
  });
});
