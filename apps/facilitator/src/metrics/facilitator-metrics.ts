import { type Counter, type Histogram, Metrics } from '@quittance/observability';

import type { Intake } from '../intake/intake.js';

export type Verdicted = {
  readonly route: 'verify' | 'settle';
  readonly outcome: 'valid' | 'settled' | 'pending' | 'refused';
  /** A reason code; none for what is good. */
  readonly reason?: string;
};

const settleWaitBucketsSeconds = [0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 10, 20, 40, 80];

/** The figures of the facilitator. */
export class FacilitatorMetrics {
  readonly metrics = new Metrics({ service: 'facilitator' });
  readonly #verdicts: Counter<'route' | 'outcome' | 'reason'>;
  readonly #settleWait: Histogram;

  constructor(intake: Pick<Intake, 'undecided'>, trail: { readonly behind: number }) {
    this.metrics.collectedGauge({
      name: 'quittance_payments_undecided',
      help: 'Payments accepted or submitted; counted no further than QUEUE_MAX by all, plus what this process took on since.',
      labels: ['chain'],
      collect: async () =>
        intake.undecided().map(({ chainId, count }) => ({ labels: { chain: chainId }, value: count })),
    });
    this.metrics.collectedGauge({
      name: 'quittance_verdicts_unwritten',
      help: 'Refusals that were answered and are not in the database yet.',
      collect: async () => [{ value: trail.behind }],
    });
    this.#settleWait = this.metrics.histogram({
      name: 'quittance_settle_wait_seconds',
      help: 'How long a caller of /settle waited for the outcome of a payment that was reserved.',
      buckets: settleWaitBucketsSeconds,
    });
    this.#verdicts = this.metrics.counter({
      name: 'quittance_verdicts_total',
      help: 'Answers to /verify and /settle that are no fault, by outcome and reason.',
      labels: ['route', 'outcome', 'reason'],
    });
  }

  countVerdict({ route, outcome, reason = 'none' }: Verdicted): void {
    this.#verdicts.add(1, { route, outcome, reason });
  }

  observeSettleWait(waitedMs: number): void {
    this.#settleWait.observe(waitedMs / 1_000);
  }
}
