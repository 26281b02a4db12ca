import type { Counter, Gauge, Metrics } from '@quittance/observability';

import { type CheckReport, type DriftKind, driftKinds, type Scope } from './finding.js';

/** What an operator sees of the checks. */
export class CheckerFigures {
  private readonly checks: Counter<'scope' | 'outcome'>;
  private readonly drift: Counter<'kind'>;
  private readonly overdue: Gauge<'scope'>;

  constructor(metrics: Metrics, isReadOnly: () => Promise<boolean>) {
    this.checks = metrics.counter({
      name: 'quittance_ledger_checks_total',
      help: 'Checks of the books that came to an end: slice or full, green or drift.',
      labels: ['scope', 'outcome'],
    });
    this.drift = metrics.counter({
      name: 'quittance_ledger_drift_total',
      help: 'Places where the books do not agree with themselves, by what is wrong.',
      labels: ['kind'],
    });
    this.overdue = metrics.gauge({
      name: 'quittance_ledger_clearing_overdue',
      help: 'What is on a clearing account for more than a day, by payment, account and layer, as the last check of this scope saw it; counted up to 100.',
      labels: ['scope'],
    });
    metrics.collectedGauge({
      name: 'quittance_ledger_read_only',
      help: '1 while the books take no postings.',
      collect: async () => [{ value: (await isReadOnly()) ? 1 : 0 }],
    });
    // An alarm on what was never counted would never be raised.
    for (const kind of driftKinds) this.drift.add(0, { kind });
  }

  checked(scope: Scope, { drift, overdue }: CheckReport): void {
    this.checks.add(1, { scope, outcome: drift.length === 0 ? 'green' : 'drift' });
    this.overdue.set(overdue.length, { scope });
    for (const { kind } of drift) this.drift.add(1, { kind: kind satisfies DriftKind });
  }
}
