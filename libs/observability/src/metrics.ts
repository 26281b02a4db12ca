import {
  collectDefaultMetrics,
  Counter as PromCounter,
  Gauge as PromGauge,
  Histogram as PromHistogram,
  Registry,
} from 'prom-client';

import { MetricError } from './metric.error.js';
import { type Labels, SeriesLimit } from './metric-series.js';
import { withTimeout } from './timeout.js';

export type { Labels };

/** How long a page waits for what is collected while it is made. */
export const collectTimeoutMs = 2_000;
/** Label sets of one metric; readings of more are left out. */
export const seriesMax = 500;
export const metricsContentType = Registry.PROMETHEUS_CONTENT_TYPE;

const namePattern = /^quittance_[a-z0-9_]+$/;
const labelPattern = /^[a-z][a-z0-9_]*$/;
/** `service` is on every sample; the other two are the format's own. */
const reservedLabels: readonly string[] = ['service', 'le', 'quantile'];
const faultsName = 'quittance_metrics_faults_total';

/**
 * A value to be shown. A bigint loses what a double cannot hold: enough for a graph or an alarm, never for books.
 */
export type Figure = number | bigint;

/** The labels, where the metric has some. */
export type LabelArgument<Label extends string> = [Label] extends [never] ? [] : [labels: Labels<Label>];

export type Counter<Label extends string = never> = {
  readonly add: (count: Figure, ...labels: LabelArgument<Label>) => void;
};

export type Gauge<Label extends string = never> = {
  readonly set: (value: Figure, ...labels: LabelArgument<Label>) => void;
};

export type Histogram<Label extends string = never> = {
  readonly observe: (value: Figure, ...labels: LabelArgument<Label>) => void;
};

export type MetricOptions<Label extends string = never> = {
  /** `quittance_…`, with its unit at the end: `quittance_queue_age_seconds`. */
  readonly name: string;
  readonly help: string;
  /** Only what takes few values known beforehand: a chain, an asset, an outcome. Never an id, address or hash. */
  readonly labels?: readonly Label[];
};

export type HistogramOptions<Label extends string = never> = MetricOptions<Label> & {
  /** Upper bounds, ascending. */
  readonly buckets: readonly number[];
};

export type GaugeReading<Label extends string = never> = {
  readonly value: Figure;
} & ([Label] extends [never] ? object : { readonly labels: Labels<Label> });

export type CollectedGaugeOptions<Label extends string = never> = MetricOptions<Label> & {
  /** Asked for each page, once at a time. What it does not name is no longer shown. */
  readonly collect: () => Promise<ReadonlyArray<GaugeReading<Label>>>;
};

export type MetricsOptions = {
  readonly service: string;
  /** What the process itself uses: CPU, memory, event loop, garbage collection. Shown unless told `omit`. */
  readonly processFigures?: 'show' | 'omit';
  readonly collectTimeoutMs?: number;
  readonly seriesMax?: number;
};

type Round = { readonly name: string; readonly run: () => Promise<void> };
type Fields<Label extends string> = {
  readonly name: string;
  readonly help: string;
  readonly labelNames: Label[];
  readonly registers: [Registry];
};

/**
 * The figures of one service, with a registry of its own and the label `service` on each of them.
 *
 * A metric that is declared wrongly throws; one that is fed wrongly never does: the reading is left out and counted
 * in `quittance_metrics_faults_total`, as is a collector that fails or is too slow. Figures must not stop payments.
 *
 * @example
 * const metrics = new Metrics({ service: 'settlement' });
 * const submitted = metrics.counter({
 *   name: 'quittance_attempts_submitted_total',
 *   help: 'Transactions first broadcast.',
 *   labels: ['chain'],
 * });
 * metrics.collectedGauge({
 *   name: 'quittance_queue_payments',
 *   help: 'Payments that wait.',
 *   labels: ['chain'],
 *   collect: async () => (await queue.depths()).map(({ chain, depth }) => ({ labels: { chain }, value: depth })),
 * });
 * submitted.add(1, { chain: 'eip155:8453' });
 * // and in the app's module: imports: [MetricsModule.register({ useFactory: () => metrics })]
 */
export class Metrics {
  private readonly registry = new Registry();
  private readonly rounds: Round[] = [];
  private readonly faults: PromCounter<'metric'>;
  private readonly collectTimeoutMs: number;
  private readonly seriesMax: number;
  private page: Promise<string> | undefined;

  constructor(options: MetricsOptions) {
    this.collectTimeoutMs = options.collectTimeoutMs ?? collectTimeoutMs;
    this.seriesMax = options.seriesMax ?? seriesMax;
    this.registry.setDefaultLabels({ service: options.service });
    this.faults = new PromCounter({
      name: faultsName,
      help: 'Readings left out: not a number, too many label sets, or a collector that failed or was late.',
      labelNames: ['metric'],
      registers: [this.registry],
    });
    if (options.processFigures !== 'omit') collectDefaultMetrics({ register: this.registry });
  }

  /** What only grows. A negative count is left out. */
  counter<const Label extends string = never>(options: MetricOptions<Label>): Counter<Label> {
    const counter = new PromCounter(this.declared(options));
    const take = this.intake(options, (labels, value) => counter.inc(labels, value));
    return { add: (count, ...[labels]) => take(count, labels) };
  }

  /** What goes up and down, told when it changes. */
  gauge<const Label extends string = never>(options: MetricOptions<Label>): Gauge<Label> {
    const gauge = new PromGauge(this.declared(options));
    const take = this.intake(options, (labels, value) => gauge.set(labels, value));
    return { set: (value, ...[labels]) => take(value, labels) };
  }

  /** What is asked for when somebody looks. */
  collectedGauge<const Label extends string = never>(options: CollectedGaugeOptions<Label>): void {
    const { name, collect } = options;
    const gauge = new PromGauge(this.declared(options));
    let asked: Promise<ReadonlyArray<GaugeReading<Label>>> | undefined;
    const run = async (): Promise<void> => {
      clear(gauge, options.labels ?? []);
      // One that hangs is not asked again by each page: a slow database must not get a pile of questions.
      asked ??= collect().finally(() => {
        asked = undefined;
      });
      const readings = await withTimeout(asked, this.collectTimeoutMs);
      const take = this.intake(options, (labels, value) => gauge.set(labels, value));
      for (const reading of readings) take(reading.value, 'labels' in reading ? reading.labels : undefined);
    };
    this.rounds.push({ name, run });
  }

  histogram<const Label extends string = never>(options: HistogramOptions<Label>): Histogram<Label> {
    const { buckets } = options;
    if (buckets.some((bound, index) => index > 0 && bound <= (buckets[index - 1] ?? bound))) {
      throw new MetricError(options.name, 'has buckets out of order');
    }
    const histogram = new PromHistogram({ ...this.declared(options), buckets: [...buckets] });
    const take = this.intake(options, (labels, value) => histogram.observe(labels, value));
    return { observe: (value, ...[labels]) => take(value, labels) };
  }

  /** The page as Prometheus reads it. Those who ask at once get the same one. */
  async text(): Promise<string> {
    this.page ??= this.render().finally(() => {
      this.page = undefined;
    });
    return this.page;
  }

  private async render(): Promise<string> {
    await Promise.all(
      this.rounds.map(async ({ name, run }) => {
        try {
          await run();
        } catch {
          // The page has no place for a reason; the collector's own code logs it.
          this.faults.inc({ metric: name });
        }
      }),
    );
    return this.registry.metrics();
  }

  private declared<Label extends string>({ name, help, labels = [] }: MetricOptions<Label>): Fields<Label> {
    if (!namePattern.test(name)) throw new MetricError(name, `must be named as ${namePattern} says`);
    if (help === '') throw new MetricError(name, 'needs a text that says what it is');
    if (this.registry.getSingleMetric(name) !== undefined) throw new MetricError(name, 'is declared twice');
    const wrong = labels.find((label) => !labelPattern.test(label) || reservedLabels.includes(label));
    if (wrong !== undefined) throw new MetricError(name, `cannot have the label ${wrong}`);
    this.faults.inc({ metric: name }, 0);
    return { name, help, labelNames: [...labels], registers: [this.registry] };
  }

  private intake<Label extends string>(
    { name, labels: names = [] }: MetricOptions<Label>,
    put: (labels: Labels<Label>, value: number) => void,
  ): (value: Figure, labels: Labels<Label> | undefined) => void {
    const limit = new SeriesLimit(names, this.seriesMax);
    return (value, labels = {} as Labels<Label>) => {
      const figure = Number(value);
      if (!Number.isFinite(figure) || !limit.admits(labels)) {
        this.faults.inc({ metric: name });
        return;
      }
      try {
        put(labels, figure);
      } catch {
        // A label or a value that the library refuses.
        this.faults.inc({ metric: name });
      }
    };
  }
}

/** Leaves no sample behind, where `reset` would show a metric without labels as 0. */
function clear<Label extends string>(gauge: PromGauge<Label>, labels: readonly Label[]): void {
  if (labels.length === 0) gauge.remove();
  else gauge.reset();
}
