import type { Database } from '@quittance/database';
import type { PaymentId } from '@quittance/protocol';

import type { TopUpState } from './approval.js';

/** What payers were given for the gas of approvals. */
export class TopUpRepository {
  constructor(private readonly database: Database) {}

  /** What the payer of a payment was given for it, or a short time ago for others that it has not paid. */
  async stateOf(paymentId: PaymentId): Promise<TopUpState> {
    const [row] = await this.database.sql<{ state: 'outstanding' | 'mined' | null }>(readState, [paymentId]);
    return row?.state ?? 'none';
  }
}

const readState = 'SELECT settlement.top_up_of($1::uuid) AS state';
