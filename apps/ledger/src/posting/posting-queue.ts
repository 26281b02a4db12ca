import type { QuittanceEvent } from '@quittance/events';
import { isRetryableFault } from '@quittance/observability';

import type { PostingWork } from './posting.repository.js';

/** Events of some partitions of a topic, those of each in order. */
export type QueuedBatch = {
  readonly topic: string;
  readonly partitions: readonly number[];
  readonly events: readonly QuittanceEvent[];
};

export type PostingQueueOptions = {
  readonly post: (work: PostingWork) => Promise<unknown>;
  /** How long a batch waits for others at most. */
  readonly gatherMs: number;
  /** Events that are posted at once without further waiting. */
  readonly eventsMax: number;
};

type Waiting = {
  readonly batch: QueuedBatch;
  readonly resolve: () => void;
  readonly reject: (fault: unknown) => void;
};

/**
 * Posts batches of different partitions together, one posting at a time: a transaction costs much more than an event
 * in it, and what happens to one payment within moments is then written once. Each batch gets its own outcome.
 */
export class PostingQueue {
  #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isPosting = false;

  constructor(private readonly options: PostingQueueOptions) {}

  /** Resolves when the batch is posted. Rejects with the fault of this batch, not with that of another. */
  add(batch: QueuedBatch): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ batch, resolve, reject });
      this.arrange();
    });
  }

  private arrange(): void {
    if (this.#isPosting || this.#waiting.length === 0) return;
    const events = this.#waiting.reduce((sum, { batch }) => sum + batch.events.length, 0);
    if (events >= this.options.eventsMax) return void this.postWaiting();
    this.#timer ??= setTimeout(() => void this.postWaiting(), this.options.gatherMs);
  }

  private async postWaiting(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isPosting = true;
    const taken = this.#waiting;
    this.#waiting = [];
    await this.settle(taken);
    this.#isPosting = false;
    this.arrange();
  }

  private async settle(taken: readonly Waiting[]): Promise<void> {
    try {
      await this.options.post(joined(taken.map(({ batch }) => batch)));
      for (const { resolve } of taken) resolve();
    } catch (fault) {
      if (taken.length === 1 || isRetryableFault(fault)) {
        for (const { reject } of taken) reject(fault);
        return;
      }
      // One of them cannot be posted: the others must not suffer for it.
      for (const one of taken) await this.settle([one]);
    }
  }
}

/** Events of one partition keep their order; payments come before what became of them. */
function joined(batches: readonly QueuedBatch[]): PostingWork {
  const sorted = [...batches].sort((a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : 0));
  const events = sorted.flatMap(({ events: own }) => own);
  return { events, shard: Math.min(...batches.flatMap(({ partitions }) => partitions)) };
}
