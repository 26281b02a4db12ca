import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { topics } from '@quittance/events';
import { type EventBatch, OnEventBatch } from '@quittance/messaging';

import { PostingFigures } from './posting-figures.js';
import { PostingQueue } from './posting-queue.js';
import { PostingRepository } from './posting.repository.js';

/** Books may be this late: fewer and larger transactions cost far less than early ones. */
const gatherMs = 200;
/** More events in one transaction are hardly faster, and wait longer. */
const eventsMax = 2_000;

/** Posts what comes on both topics. Faults go to the transport, which brings the batch again. */
@Controller()
export class PostingConsumer {
  private readonly queue: PostingQueue;

  constructor(postings: PostingRepository, figures: PostingFigures) {
    this.queue = new PostingQueue({
      gatherMs,
      eventsMax,
      post: async (work) => figures.posted(await postings.post(work), new Date()),
    });
  }

  @OnEventBatch(topics.payments.name)
  onPayments(@Payload() batch: EventBatch): Promise<void> {
    return this.queue.add(batch);
  }

  @OnEventBatch(topics.settlements.name)
  onSettlements(@Payload() batch: EventBatch): Promise<void> {
    return this.queue.add(batch);
  }
}
