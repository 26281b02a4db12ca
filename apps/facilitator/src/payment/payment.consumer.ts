import { Controller, Inject } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { topics } from '@quittance/events';
import { type EventBatch, OnEventBatch } from '@quittance/messaging';
import { crashPoint, type Logger } from '@quittance/observability';

import { PaymentWaiter } from '../settle/payment-waiter.adapter.js';
import { loggerToken } from '../tokens.provider.js';
import { PaymentChanges } from './payment-change.repository.js';

/** Learns from the settlement service what became of payments, and of chains as a whole. */
@Controller()
export class PaymentConsumer {
  constructor(
    private readonly payments: PaymentChanges,
    private readonly waiter: PaymentWaiter,
    @Inject(loggerToken) private readonly logger: Logger,
  ) {}

  @OnEventBatch(topics.settlements.name)
  async take(@Payload() batch: EventBatch): Promise<void> {
    const { payments, unknown } = await this.payments.apply(batch.events);
    crashPoint('facilitator.events-applied');
    this.waiter.tell(payments);
    if (unknown.length > 0)
      this.logger.warn({ paymentIds: unknown }, 'events of payments that are not in the registry');
  }
}
