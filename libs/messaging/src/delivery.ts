import type { QuittanceEvent } from '@quittance/events';

import { type Backoff, backoffMs, pause } from './backoff.js';
import { describeFault, isRetryable } from './fault.js';
import type { EventBatch, MessagingLogger } from './transport.js';

/** How often a handler is tried with a fault that does not say it can be retried. */
export const handlerTriesMax = 3;
const retryableBackoff: Backoff = { firstMs: 50, maxMs: 5_000 };
const permanentBackoff: Backoff = { firstMs: 20, maxMs: 200 };

/** The consumer lost the partition or closes: what was not finished will be delivered again, here or elsewhere. */
export class DeliveryAbandonedError extends Error {
  override readonly name = 'DeliveryAbandonedError';
  readonly code = 'delivery_abandoned';
  readonly retryable = true;
}

export type Delivery = {
  readonly group: string;
  readonly onBatch: (batch: EventBatch) => Promise<void>;
  /** Puts an event aside; called once an event has used up its tries. */
  readonly setAside: (event: QuittanceEvent, reason: string) => Promise<void>;
  readonly signal: AbortSignal;
  readonly logger: MessagingLogger;
};

/**
 * Hands a batch to its handler until it is dealt with: handled, or its failing events set aside one by one.
 *
 * @throws DeliveryAbandonedError when `signal` aborts first.
 */
export async function deliver(batch: EventBatch, delivery: Delivery): Promise<void> {
  if (batch.events.length === 0) return;
  if (await handled(batch, delivery)) return;
  for (const event of batch.events) {
    const single = { ...batch, events: [event] };
    const fault = await faultOf(single, delivery);
    if (fault === undefined) continue;
    const reason = describeFault(fault);
    delivery.logger.error(
      {
        topic: batch.topic,
        group: delivery.group,
        event: event.id,
        type: event.type,
        key: event.key,
        reason,
      },
      'event put aside after its handler failed for good',
    );
    await persistently(() => delivery.setAside(event, reason), delivery);
  }
}

async function handled(batch: EventBatch, delivery: Delivery): Promise<boolean> {
  // A batch of one gets its tries below, where its fault is kept.
  return batch.events.length > 1 && (await faultOf(batch, delivery)) === undefined;
}

/** The fault that used up the tries, or undefined when the handler succeeded. */
async function faultOf(batch: EventBatch, delivery: Delivery): Promise<unknown> {
  let permanentFaults = 0;
  for (;;) {
    try {
      await persistently(() => delivery.onBatch(batch), delivery);
      return undefined;
    } catch (fault) {
      if (fault instanceof DeliveryAbandonedError) throw fault;
      permanentFaults += 1;
      if (permanentFaults >= handlerTriesMax) return fault ?? new TypeError('the handler threw nothing');
      await pause(backoffMs(permanentBackoff, permanentFaults), delivery.signal);
    }
  }
}

/** Repeats `work` while its faults are retryable. Back-off is bounded, the number of tries is not: nothing may be lost. */
export async function persistently(
  work: () => Promise<void>,
  delivery: Pick<Delivery, 'group' | 'signal' | 'logger'>,
): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    if (delivery.signal.aborted) throw new DeliveryAbandonedError('delivery was abandoned');
    try {
      return await work();
    } catch (fault) {
      if (!isRetryable(fault)) throw fault;
      const waitMs = backoffMs(retryableBackoff, tries);
      delivery.logger.warn(
        { group: delivery.group, tries: tries + 1, waitMs, fault: describeFault(fault) },
        'delivery failed and will be tried again',
      );
      await pause(waitMs, delivery.signal);
    }
  }
}
