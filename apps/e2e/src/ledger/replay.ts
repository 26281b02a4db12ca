import { startDurableDatabase } from '@quittance/testing';

import { booksFaults, type BooksFaults, booksState, type BooksState } from './books-state.js';
import { PostingLoad } from './posting-load.js';

export type ReplayReport = {
  readonly payments: number;
  readonly before: BooksState;
  readonly after: BooksState;
  readonly faults: BooksFaults;
  /** Events that were new the first time: all of them. */
  readonly told: number;
  /** Events of the replay that were taken for new: none. */
  readonly fresh: number;
  readonly postedPerS: number;
  readonly replayedPerS: number;
};

const partitions = 4;
/** Payments that a writer holds in memory at a time. */
const chunk = 20_000;
const batch = 1_000;
/** What there is to tell of a payment. */
const eventsOfPayment = 3;
/** Batches of the replay hold other payments together than the first time. */
const replayBatch = 730;

/** Whether each event counted once, and telling them again changed nothing. */
export function isRight({ payments, before, after, faults, told, fresh }: ReplayReport): boolean {
  const isSame = JSON.stringify(before) === JSON.stringify(after);
  const isWhole = before.payments === payments && told === eventsOfPayment * payments && fresh === 0;
  return isSame && isWhole && Object.values(faults).every((count) => count === 0);
}

/** Posts payments by four writers, then all of them again from the first one, by writers that know nothing. */
export async function replay(payments: number, log: (line: string) => void): Promise<ReplayReport> {
  const database = await startDurableDatabase();
  try {
    const url = database.serviceUrls.ledger;
    const first = await postAll({ url, payments, batch, log });
    const before = await booksState(database.adminUrl);
    const again = await postAll({ url, payments, batch: replayBatch, log });
    const after = await booksState(database.adminUrl);
    return {
      payments,
      before,
      after,
      faults: await booksFaults(database.adminUrl),
      told: first.fresh,
      fresh: again.fresh,
      postedPerS: first.perS,
      replayedPerS: again.perS,
    };
  } finally {
    await database.stop();
  }
}

type Pass = {
  readonly url: string;
  readonly payments: number;
  readonly batch: number;
  readonly log: (line: string) => void;
};

async function postAll({ url, payments, batch: size, log }: Pass): Promise<{ fresh: number; perS: number }> {
  const startedAt = performance.now();
  const each = Math.ceil(payments / partitions);
  const writers = Array.from({ length: partitions }, async (_, partition) => {
    const load = PostingLoad.start(url, partition);
    let fresh = 0;
    const end = Math.min(payments, (partition + 1) * each);
    for (let from = partition * each; from < end; from += chunk) {
      await load.prepare({ name: 'replayed', from, count: Math.min(chunk, end - from) });
      fresh += (await load.post({ batch: size })).fresh;
      if (partition === 0 && payments > chunk * partitions)
        log(`  ${Math.min(from + chunk, end)} of ${each} a writer`);
    }
    await load.stop();
    return fresh;
  });
  const fresh = (await Promise.all(writers)).reduce((sum, one) => sum + one, 0);
  const perS = (payments * 1000) / (performance.now() - startedAt);
  log(`${fresh} new events, ${Math.round(perS)} payments/s with what it takes to make them up`);
  return { fresh, perS };
}
