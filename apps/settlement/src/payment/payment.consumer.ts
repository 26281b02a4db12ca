import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { topics } from '@quittance/events';
import { type EventBatch, OnEventBatch } from '@quittance/messaging';

import { Settlers } from '../chain/settlers.provider.js';
import { acceptedPayment } from './accepted-payment.js';
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
    const [event, ...others] = batch.events;
    // Several go together, and are tried as they go.
    if (event?.type === 'payment.accepted' && others.length === 0)
      this.settlers.foresee(acceptedPayment(event));
    this.settlers.wake(await this.payments.take(batch.events));
  }
}
