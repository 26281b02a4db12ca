import type { PaymentEvent } from '@quittance/events';

import type { PaymentFacts } from './payment-facts.js';

const isoDayLength = 'YYYY-MM-DD'.length;

/** What only announces: nothing has come of it yet, and it costs nothing. */
function isAnnouncement({ type }: PaymentEvent): boolean {
  return type === 'payment.accepted' || type === 'settlement.submitted' || type === 'settlement.replaced';
}

const dayOf = ({ occurredAt }: PaymentEvent): string => occurredAt.slice(0, isoDayLength);

/**
 * Events of one payment that came together, in the groups that are posted as one: announcements with what came of them
 * next, where both happened on one day. The books never showed what was in between, and no day ends with it. What was
 * mined, or taken back, always has a header of its own: it names the transaction on chain.
 */
export function stepsOf(events: readonly PaymentEvent[]): PaymentEvent[][] {
  const steps: PaymentEvent[][] = [];
  let open: PaymentEvent[] | undefined;
  for (const event of events) {
    const before = open?.at(-1);
    if (open === undefined || before === undefined || dayOf(before) !== dayOf(event)) {
      open = [];
      steps.push(open);
    }
    open.push(event);
    if (!isAnnouncement(event)) open = undefined;
  }
  return steps;
}

/** The events that are part of what is known. */
export function eventsIn(facts: PaymentFacts | null): Set<string> {
  if (facts === null) return new Set();
  const { accepted, expired, attempts, outcomes, reorgs } = facts;
  const told = attempts.flatMap(({ submitted, replacements }) => [submitted, ...replacements]);
  return new Set(
    [accepted, expired, ...told, ...outcomes, ...reorgs].flatMap((one) =>
      one === null ? [] : [one.eventId],
    ),
  );
}
