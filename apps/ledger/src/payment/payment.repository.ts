import { Injectable } from '@nestjs/common';
import { Database } from '@quittance/database';

import { factsOf } from '../posting/facts-text.js';
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
    return row === null ? null : factsOf(row.facts);
  }

  /** The last block of a chain that is final; null where none is known to be. */
  async finalBlock(chainId: string): Promise<bigint | null> {
    const [row] = await this.database.sql<{ block: string }>(
      'SELECT final_block::text AS block FROM ledger.chain WHERE chain_id = $1',
      [chainId],
    );
    return row === undefined ? null : BigInt(row.block);
  }
}
