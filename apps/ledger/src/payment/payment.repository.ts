import { Injectable } from '@nestjs/common';
import { Database } from '@quittance/database';

import type { PaymentFacts } from '../posting/payment-facts.js';

@Injectable()
export class PaymentRepository {
  constructor(private readonly database: Database) {}

  /** What is known of a payment; null where the books have never heard of it. */
  async facts(id: string): Promise<PaymentFacts | null> {
    const row = await this.database.prisma.ledgerPayment.findUnique({
      where: { id },
      select: { facts: true },
    });
    // Written by the posting from this very type.
    return row === null ? null : (row.facts as unknown as PaymentFacts);
  }
}
