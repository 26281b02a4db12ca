import type { QuittanceEvent } from '@quittance/events';

import { eventPlace } from './topic-partition.js';
import type { ServiceSchema, Sql } from './transport.js';

/**
 * Emits events in the transaction of the change they tell of: to the service's outbox, or right to the log, as the
 * connection's `eventRoute` says. Call it once and as the **last** statement of the transaction: the row locks that
 * order changes of one key come before it, and from here to the commit it may hold the heads of partitions, which
 * everybody waits for.
 */
export async function emitEvents(
  sql: Sql,
  schema: ServiceSchema,
  events: readonly QuittanceEvent[],
): Promise<void> {
  if (events.length === 0) return;
  const places = events.map(eventPlace);
  await sql(`SELECT ${schema}.emit($1::uuid[], $2::text[], $3::integer[], $4::text[], $5::text[])`, [
    events.map((event) => event.id),
    places.map(({ topic }) => topic),
    places.map(({ partition }) => partition),
    places.map(({ key }) => key),
    events.map((event) => JSON.stringify(event)),
  ]);
}
