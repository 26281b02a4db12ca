import { randomUUID } from 'node:crypto';

import type { Database } from '@quittance/database';
import { createEvent, type EventOf } from '@quittance/events';
import { emitEvents } from '@quittance/messaging';
import type { ChainId } from '@quittance/money';

export type SuspensionReason = EventOf<'settlement.suspended'>['data']['reason'];

/** Whether chains can settle, told once per change however many processes see it. */
export class ChainStatusRepository {
  constructor(private readonly database: Database) {}

  /** False when the chain was suspended already, for this reason or another: the first that was told stays. */
  async suspend(chainId: ChainId, reason: SuspensionReason, detail: string): Promise<boolean> {
    return this.database.transaction(async ({ sql }) => {
      const id = randomUUID();
      const [row] = await sql(suspendChain, [chainId, reason, id]);
      if (row === undefined) return false;
      const parts = { id, occurredAt: new Date(), causationId: null };
      await emitEvents(sql, 'settlement', [
        createEvent({ ...parts, type: 'settlement.suspended', data: { chainId, reason, detail } }),
      ]);
      return true;
    });
  }

  /** False unless the chain was suspended. */
  async resume(chainId: ChainId): Promise<boolean> {
    return this.database.transaction(async ({ sql }) => {
      const [row] = await sql<{ cause: string }>(lockSuspended, [chainId]);
      if (row === undefined) return false;
      const id = randomUUID();
      await sql(resumeChain, [chainId, id]);
      const parts = { id, occurredAt: new Date(), causationId: row.cause };
      await emitEvents(sql, 'settlement', [
        createEvent({ ...parts, type: 'settlement.resumed', data: { chainId } }),
      ]);
      return true;
    });
  }
}

/** Whoever waits for the row's lock sees it changed, and does nothing. */
const suspendChain = `
  INSERT INTO settlement.chain_status (chain_id, suspended_reason, last_event_id) VALUES ($1, $2, $3::uuid)
  ON CONFLICT (chain_id) DO UPDATE
  SET suspended_reason = excluded.suspended_reason, last_event_id = excluded.last_event_id, updated_at = now()
  WHERE chain_status.suspended_reason IS NULL
  RETURNING chain_id`;

const lockSuspended = `
  SELECT last_event_id::text AS cause FROM settlement.chain_status
  WHERE chain_id = $1 AND suspended_reason IS NOT NULL FOR NO KEY UPDATE`;

const resumeChain = `
  UPDATE settlement.chain_status SET suspended_reason = NULL, last_event_id = $2::uuid, updated_at = now() WHERE chain_id = $1`;
