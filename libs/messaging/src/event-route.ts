import type { TransportChoice } from './settings.js';

/**
 * Session settings for the connections that a service emits events on. Where the log is a table of the same database,
 * `emit` writes to it in the transaction of the change; otherwise, and for who sets nothing, to the outbox.
 */
export function eventRoute(transport: Pick<TransportChoice, 'kind'>): Readonly<Record<string, string>> {
  return { 'quittance.event_route': transport.kind === 'postgres' ? 'log' : 'outbox' };
}
