import { describe, expect, it } from '@jest/globals';
import { topics } from '@quittance/events';

import { PaymentStory } from '../../test/payment-events.js';
import { EventContradictsError } from './posting-error.js';
import { PostingQueue, type QueuedBatch } from './posting-queue.js';
import type { PostingWork } from './posting.repository.js';

const story = new PaymentStory({ name: 'queued', amount: 1n });
const accepted: QueuedBatch = { topic: topics.payments.name, partitions: [3], events: [story.accepted()] };
const submitted: QueuedBatch = {
  topic: topics.settlements.name,
  partitions: [1],
  events: [story.submitted()],
};
const confirmed: QueuedBatch = {
  topic: topics.settlements.name,
  partitions: [2],
  events: [story.confirmed('us')],
};

class BrokenError extends Error {
  readonly code = 'database_unavailable';
  readonly retryable = true;
}

type Posted = { readonly queue: PostingQueue; readonly posted: PostingWork[] };

function queueWith(
  fault: (work: PostingWork) => Error | null = () => null,
  { gatherMs = 5, eventsMax = 100 } = {},
): Posted {
  const posted: PostingWork[] = [];
  const post = async (work: PostingWork): Promise<void> => {
    posted.push(work);
    const error = fault(work);
    if (error !== null) throw error;
  };
  return { posted, queue: new PostingQueue({ post, gatherMs, eventsMax }) };
}

const typesOf = ({ events }: PostingWork): string[] => events.map(({ type }) => type);

describe('batches that come together', () => {
  it('are posted together, payments before what became of them, on the lowest shard', async () => {
    const { queue, posted } = queueWith();
    await Promise.all([queue.add(submitted), queue.add(accepted), queue.add(confirmed)]);
    expect(posted.map(typesOf)).toEqual([
      ['payment.accepted', 'settlement.submitted', 'settlement.confirmed'],
    ]);
    expect(posted[0]?.shard).toBe(1);
  });

  it('are not waited for once there are enough', async () => {
    const { queue, posted } = queueWith(() => null, { gatherMs: 3_600_000, eventsMax: 2 });
    await Promise.all([queue.add(accepted), queue.add(submitted)]);
    expect(posted).toHaveLength(1);
  });

  it('are posted one after the other when they come during a posting', async () => {
    const running = Promise.withResolvers<void>();
    let [atOnce, most] = [0, 0];
    const post = async (): Promise<void> => {
      atOnce += 1;
      most = Math.max(most, atOnce);
      await running.promise;
      atOnce -= 1;
    };
    const queue = new PostingQueue({ post, gatherMs: 1, eventsMax: 1 });
    const all = [queue.add(accepted), queue.add(submitted), queue.add(confirmed)];
    running.resolve();
    await Promise.all(all);
    expect(most).toBe(1);
  });
});

describe('a batch that cannot be posted', () => {
  const contradiction = new EventContradictsError('an event', 'a payment', 'other money');

  it('fails alone: the others are posted without it', async () => {
    const { queue, posted } = queueWith(({ events }) =>
      events.some(({ type }) => type === 'settlement.submitted') ? contradiction : null,
    );
    const outcomes = await Promise.allSettled([
      queue.add(accepted),
      queue.add(submitted),
      queue.add(confirmed),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(outcomes[1]).toMatchObject({ reason: contradiction });
    expect(posted.slice(1).map(typesOf)).toEqual([
      ['payment.accepted'],
      ['settlement.submitted'],
      ['settlement.confirmed'],
    ]);
  });

  it('is brought again with all others when the fault may pass', async () => {
    const { queue, posted } = queueWith(() => new BrokenError('down'));
    const outcomes = await Promise.allSettled([queue.add(accepted), queue.add(submitted)]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(posted).toHaveLength(1);
  });

  it('does not keep the next from being posted', async () => {
    let isDown = true;
    const { queue } = queueWith(() => (isDown ? new BrokenError('down') : null));
    await expect(queue.add(accepted)).rejects.toBeInstanceOf(BrokenError);
    isDown = false;
    await expect(queue.add(accepted)).resolves.toBeUndefined();
  });
});
