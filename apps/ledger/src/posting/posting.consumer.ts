import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { topics } from '@quittance/events';
import { type EventBatch, OnEventBatch } from '@quittance/messaging';

import { PostingRepository } from './posting.repository.js';

/** Posts what comes on both topics. Faults go to the transport, which brings the batch again. */
@Controller()
export class PostingConsumer {
  constructor(private readonly postings: PostingRepository) {}

  @OnEventBatch(topics.payments.name)
  onPayments(@Payload() batch: EventBatch): Promise<void> {
    return this.postings.post(batch);
  }

  @OnEventBatch(topics.settlements.name)
  onSettlements(@Payload() batch: EventBatch): Promise<void> {
    return this.postings.post(batch);
  }
}
