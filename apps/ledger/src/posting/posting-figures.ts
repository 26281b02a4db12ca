import type { EventType, QuittanceEvent } from '@quittance/events';
import type { Counter, Gauge, Metrics } from '@quittance/observability';

const millisecondsPerSecond = 1_000;

/** What an operator sees of the posting. */
export class PostingFigures {
  private readonly events: Counter<'event'>;
  private readonly lag: Gauge;
  private readonly afterFinal: Counter<'chain'>;

  constructor(metrics: Metrics) {
    this.events = metrics.counter({
      name: 'quittance_ledger_posted_total',
      help: 'Events taken into the books, each once.',
      labels: ['event'],
    });
    this.lag = metrics.gauge({
      name: 'quittance_ledger_lag_seconds',
      help: 'How late the latest events came into the books: the longest of them, from when it happened.',
    });
    this.afterFinal = metrics.counter({
      name: 'quittance_ledger_reorged_after_final_total',
      help: 'Reports that were taken back though their block was final by then.',
      labels: ['chain'],
    });
  }

  reorgedAfterFinal(chain: string): void {
    this.afterFinal.add(1, { chain });
  }

  posted(events: readonly QuittanceEvent[], at: Date): void {
    const counts = new Map<EventType, number>();
    const now = at.getTime();
    let first = now;
    for (const { type, occurredAt } of events) {
      counts.set(type, (counts.get(type) ?? 0) + 1);
      first = Math.min(first, Date.parse(occurredAt));
    }
    for (const [event, count] of counts) this.events.add(count, { event });
    if (events.length > 0) this.lag.set((now - first) / millisecondsPerSecond);
  }
}
