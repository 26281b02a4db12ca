/** A metric that is declared or used wrongly: a fault of the program. */
export class MetricError extends Error {
  override readonly name = 'MetricError';
  readonly code = 'metric_invalid';

  constructor(metric: string, problem: string) {
    super(`The metric ${metric} ${problem}.`);
  }
}
