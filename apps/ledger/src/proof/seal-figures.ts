import type { Counter, Histogram, Metrics } from '@quittance/observability';

export type SealBacklog = {
  /** How long the oldest that is not sealed has been committed. */
  readonly ageSeconds: number;
  readonly transactions: number;
  readonly size: number;
  readonly signedSize: number;
};

/** What an operator sees of sealing. */
export class SealFigures {
  readonly #sealed: Counter;
  readonly #duration: Histogram;

  constructor(metrics: Metrics, backlog: () => Promise<SealBacklog>) {
    this.#sealed = metrics.counter({
      name: 'quittance_ledger_sealed_total',
      help: 'Transactions of the books that this process sealed.',
    });
    this.#duration = metrics.histogram({
      name: 'quittance_ledger_seal_seconds',
      help: 'How long one seal took, from reading what was committed to its own commit.',
      buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    });
    // All of them from one question, asked when the first is.
    const read = shared(backlog);
    const gauge = (name: string, help: string, value: (backlog: SealBacklog) => number): void =>
      metrics.collectedGauge({ name, help, collect: async () => [{ value: value(await read()) }] });
    gauge(
      'quittance_ledger_unsealed_age_seconds',
      'How long the oldest transaction that is not sealed has been in the books; 0 when all are.',
      ({ ageSeconds }) => ageSeconds,
    );
    gauge(
      'quittance_ledger_unsealed_transactions',
      'Transactions in the books that are not sealed.',
      ({ transactions }) => transactions,
    );
    gauge(
      'quittance_ledger_sealed_size',
      'Leaves of the tree: transactions sealed ever.',
      ({ size }) => size,
    );
    gauge(
      'quittance_ledger_checkpoint_size',
      'Leaves of the tree when it was last signed.',
      ({ signedSize }) => signedSize,
    );
  }

  sealed(transactions: number, seconds: number): void {
    this.#sealed.add(transactions);
    this.#duration.observe(seconds);
  }
}

function shared<Answer>(ask: () => Promise<Answer>): () => Promise<Answer> {
  let asked: Promise<Answer> | undefined;
  return () => {
    asked ??= ask().finally(() => {
      asked = undefined;
    });
    return asked;
  };
}
