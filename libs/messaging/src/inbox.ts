import type { QuittanceEvent } from '@quittance/events';

import type { ServiceSchema, Sql } from './transport.js';

/**
 * Notes the events in the service's inbox and returns those not noted before, in the order given. Call it in the
 * transaction of the effect: then each event has its effect once, however often it is delivered.
 */
export async function takeUnseen(
  sql: Sql,
  schema: ServiceSchema,
  batch: readonly QuittanceEvent[],
): Promise<QuittanceEvent[]> {
  if (batch.length === 0) return [];
  // Sorted, because two transactions that insert the same ids in different orders would wait for each other in a circle.
  const ids = [...new Set(batch.map((event) => event.id.toLowerCase()))].sort();
  const taken = await sql<{ event_id: string }>(
    `INSERT INTO ${schema}.inbox (event_id)
     SELECT id FROM unnest($1::uuid[]) WITH ORDINALITY AS given (id, position) ORDER BY position
     ON CONFLICT DO NOTHING
     RETURNING event_id::text AS event_id`,
    [ids],
  );
  const unseen = new Set(taken.map((row) => row.event_id));
  return batch.filter((event) => unseen.delete(event.id.toLowerCase()));
}
