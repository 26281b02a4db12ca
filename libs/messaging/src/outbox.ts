import type { QuittanceEvent } from '@quittance/events';

import type { ServiceSchema, Sql } from './transport.js';

/**
 * Writes events to the service's outbox. Call it in the transaction of the change they tell of, after the row locks
 * that order changes of one key: sequence numbers of one key then rise in the order of their commits.
 */
export async function appendToOutbox(
  sql: Sql,
  schema: ServiceSchema,
  events: readonly QuittanceEvent[],
): Promise<void> {
  if (events.length === 0) return;
  await sql(
    `INSERT INTO ${schema}.outbox (event_id, event)
     SELECT id, event::json
       FROM unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS given (id, event, position) ORDER BY position`,
    [events.map((event) => event.id), events.map((event) => JSON.stringify(event))],
  );
}
