import type { Database } from '@quittance/database';
import type { ChainId } from '@quittance/money';
import type { PaymentId } from '@quittance/protocol';

import { paymentColumns, type PaymentRow, queuedOf, type QueuedPayment } from '../payment/payment-row.js';

/** Payments by Permit2 that we have given up and somebody else may still land. */
export class OpenPermitRepository {
  constructor(private readonly database: Database) {}

  /** Those whose time ends first. */
  async open(chainId: ChainId, limit: number): Promise<readonly QueuedPayment[]> {
    return (await this.database.sql<PaymentRow>(readOpen, [chainId, limit])).map(queuedOf);
  }

  /** Nobody can land them any more. */
  async close(paymentIds: readonly PaymentId[]): Promise<void> {
    if (paymentIds.length > 0) await this.database.sql(closeThem, [paymentIds]);
  }
}

const isOpen = `p.method = 'permit2' AND p.state IN ('failed', 'expired') AND NOT p.closed`;

const readOpen = `
  SELECT ${paymentColumns} FROM settlement.payment p WHERE p.chain_id = $1 AND ${isOpen}
  ORDER BY p.valid_before, p.position LIMIT $2::int`;

const closeThem = `
  UPDATE settlement.payment p SET closed = true, updated_at = now() WHERE p.payment_id = ANY ($1::uuid[]) AND ${isOpen}`;
