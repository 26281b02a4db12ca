import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { topics } from '@quittance/events';
import { type EventBatch, OnEventBatch } from '@quittance/messaging';

import { Settlers } from '../chain/settlers.provider.js';
import { PaymentRepository } from './payment.repository.js';

/** Takes payments in from the facilitator. */
@Controller()
export class PaymentConsumer {
  constructor(
    private readonly payments: PaymentRepository,
    private readonly settlers: Settlers,
  ) {}

  @OnEventBatch(topics.payments.name)
  async take(@Payload() batch: EventBatch): Promise<void> {
    this.settlers.wake(await this.payments.take(batch.events));
  }
}
