import { Controller, Inject } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { topics } from '@quittance/events';
import { type EventBatch, OnEventBatch } from '@quittance/messaging';
import type { Logger } from '@quittance/observability';

import { loggerToken } from '../tokens.provider.js';
import { PaymentRepository } from './payment.repository.js';

/** Learns from the settlement service what became of payments. */
@Controller()
export class PaymentConsumer {
  constructor(
    private readonly payments: PaymentRepository,
    @Inject(loggerToken) private readonly logger: Logger,
  ) {}

  @OnEventBatch(topics.settlements.name)
  async take(@Payload() batch: EventBatch): Promise<void> {
    const unknown = await this.payments.apply(batch.events);
    if (unknown.length > 0)
      this.logger.warn({ paymentIds: unknown }, 'events of payments that are not in the registry');
  }
}
