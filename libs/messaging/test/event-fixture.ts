import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { catalogue, createEvent, type EventOf } from '@quittance/events';

import type { EventBatch } from '../src/index.js';

const { data } = catalogue['payment.accepted'].fixture;

/** A new event about a payment: the given one, or one of its own. */
export function acceptedEvent(paymentId: string = randomUUID()): EventOf<'payment.accepted'> {
  return createEvent({
    id: randomUUID(),
    type: 'payment.accepted',
    occurredAt: new Date(),
    causationId: null,
    data: { ...data, paymentId },
  });
}

export const acceptedEvents = (count: number, paymentId?: string): EventOf<'payment.accepted'>[] =>
  Array.from({ length: count }, () => acceptedEvent(paymentId));

export const idsOf = (events: readonly { readonly id: string }[]): string[] =>
  events.map((event) => event.id);

/** Remembers the batches that arrive, and looks only at events that a test calls its own: a topic outlives a test. */
export class Receiver {
  readonly batches: EventBatch[] = [];

  readonly onBatch = async (batch: EventBatch): Promise<void> => {
    this.batches.push(batch);
  };

  ids(own?: readonly { readonly id: string }[]): string[] {
    const wanted = own && new Set(idsOf(own));
    return this.batches.flatMap((batch) => idsOf(batch.events)).filter((id) => wanted?.has(id) ?? true);
  }

  has(own: readonly { readonly id: string }[]): boolean {
    return new Set(this.ids(own)).size === own.length;
  }
}

const pollMs = 5;

/** Waits until `holds`, and says what did not come if it never does. */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  limitMs = 15_000,
): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`Not within ${limitMs} ms: ${what}`);
    await sleep(pollMs);
  }
}
