import 'reflect-metadata';

import { afterEach, describe, expect, it } from '@jest/globals';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';

import { MetricError, Metrics, type MetricsOptions, MetricsModule } from './index.js';

function create(options: Partial<MetricsOptions> = {}): Metrics {
  return new Metrics({ service: 'settlement', processFigures: 'omit', ...options });
}

async function samples(metrics: Metrics): Promise<readonly string[]> {
  return (await metrics.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

async function faultsOf(metrics: Metrics, metric: string): Promise<string | undefined> {
  const start = `quittance_metrics_faults_total{metric="${metric}",service="settlement"} `;
  return (await samples(metrics)).find((line) => line.startsWith(start))?.slice(start.length);
}

describe('a metric', () => {
  it('is shown with its labels and the service', async () => {
    const metrics = create();
    const sent = metrics.counter({
      name: 'quittance_sent_total',
      help: 'Sent.',
      labels: ['chain', 'outcome'],
    });
    sent.add(1, { chain: 'eip155:8453', outcome: 'won' });
    sent.add(2n, { chain: 'eip155:8453', outcome: 'won' });
    metrics.gauge({ name: 'quittance_balance_wei', help: 'Funds.' }).set(25n * 10n ** 18n);
    const text = await metrics.text();
    expect(text).toContain('# TYPE quittance_sent_total counter');
    expect(text).toContain(
      'quittance_sent_total{chain="eip155:8453",outcome="won",service="settlement"} 3\n',
    );
    expect(text).toContain('quittance_balance_wei{service="settlement"} 25000000000000000000\n');
  });

  it('without labels is 0 from the start, so that its first rise is seen', async () => {
    const metrics = create();
    metrics.counter({ name: 'quittance_sent_total', help: 'Sent.' });
    expect(await samples(metrics)).toContain('quittance_sent_total{service="settlement"} 0');
  });

  it('of many values is shown by its buckets', async () => {
    const metrics = create();
    const size = metrics.histogram({
      name: 'quittance_batch_payments',
      help: 'Size.',
      buckets: [1, 10, 100],
    });
    for (const value of [1, 7, 500]) size.observe(value);
    expect((await samples(metrics)).filter((line) => line.includes('batch_payments_'))).toEqual([
      'quittance_batch_payments_bucket{le="1",service="settlement"} 1',
      'quittance_batch_payments_bucket{le="10",service="settlement"} 2',
      'quittance_batch_payments_bucket{le="100",service="settlement"} 2',
      'quittance_batch_payments_bucket{le="+Inf",service="settlement"} 3',
      'quittance_batch_payments_sum{service="settlement"} 508',
      'quittance_batch_payments_count{service="settlement"} 3',
    ]);
  });

  it.each([
    [{ name: 'sent_total', help: 'x' }, /must be named/],
    [{ name: 'quittance_Sent', help: 'x' }, /must be named/],
    [{ name: 'quittance_sent', help: '' }, /needs a text/],
    [{ name: 'quittance_taken', help: 'x' }, /declared twice/],
    [{ name: 'quittance_metrics_faults_total', help: 'x' }, /declared twice/],
    [{ name: 'quittance_sent', help: 'x', labels: ['service'] }, /the label service/],
    [{ name: 'quittance_sent', help: 'x', labels: ['Chain'] }, /the label Chain/],
  ])('that is declared wrongly is refused: %j', (options, problem) => {
    const metrics = create();
    metrics.gauge({ name: 'quittance_taken', help: 'Taken.' });
    expect(() => metrics.counter(options)).toThrow(MetricError);
    expect(() => metrics.counter(options)).toThrow(problem);
  });

  it('with buckets out of order is refused', () => {
    const buckets = [1, 5, 5];
    expect(() => create().histogram({ name: 'quittance_age_seconds', help: 'Age.', buckets })).toThrow(
      /out of order/,
    );
  });

  it('never throws when it is fed wrongly: the reading is left out and counted', async () => {
    const metrics = create();
    const sent = metrics.counter({ name: 'quittance_sent_total', help: 'Sent.' });
    sent.add(Number.NaN);
    sent.add(-1);
    metrics.gauge({ name: 'quittance_depth', help: 'Depth.' }).set(Number.POSITIVE_INFINITY);
    expect(await samples(metrics)).toContain('quittance_sent_total{service="settlement"} 0');
    expect(await faultsOf(metrics, 'quittance_sent_total')).toBe('2');
    expect(await faultsOf(metrics, 'quittance_depth')).toBe('1');
  });

  it('does not grow with a label that takes ever new values', async () => {
    const metrics = create({ seriesMax: 3 });
    const paid = metrics.counter({ name: 'quittance_paid_total', help: 'Paid.', labels: ['payer'] });
    for (let payer = 0; payer < 50; payer += 1) paid.add(1, { payer: `0x${payer % 10}` });
    expect((await samples(metrics)).filter((line) => line.startsWith('quittance_paid_total'))).toHaveLength(
      3,
    );
    expect(await faultsOf(metrics, 'quittance_paid_total')).toBe('35');
  });
});

describe('a collected gauge', () => {
  const declared = { name: 'quittance_queue_payments', help: 'Waiting.', labels: ['chain'] } as const;

  it('shows what its collector says now, and nothing of what it said before', async () => {
    const metrics = create();
    let chain = 'eip155:1';
    metrics.collectedGauge({ ...declared, collect: async () => [{ labels: { chain }, value: 4 }] });
    expect(await samples(metrics)).toContain(
      'quittance_queue_payments{chain="eip155:1",service="settlement"} 4',
    );
    chain = 'eip155:2';
    const later = (await samples(metrics)).filter((line) => line.startsWith(declared.name));
    expect(later).toEqual(['quittance_queue_payments{chain="eip155:2",service="settlement"} 4']);
  });

  it.each([
    ['fails', () => Promise.reject(new RangeError('no database'))],
    [
      'throws',
      () => {
        throw new RangeError('no database');
      },
    ],
    ['never answers', () => new Promise<never>(() => undefined)],
  ])('that %s is left out and counted, and the page has the rest', async (_case, collect) => {
    const metrics = create({ collectTimeoutMs: 30 });
    metrics.collectedGauge({ name: 'quittance_age_seconds', help: 'Age.', collect });
    metrics.gauge({ name: 'quittance_depth', help: 'Depth.' }).set(3);
    const page = await samples(metrics);
    expect(page).toContain('quittance_depth{service="settlement"} 3');
    expect(page.filter((line) => line.startsWith('quittance_age_seconds'))).toEqual([]);
    expect(page).toContain(
      'quittance_metrics_faults_total{metric="quittance_age_seconds",service="settlement"} 1',
    );
  });

  it('that hangs is asked once, however many pages are asked for, and comes back when it answers', async () => {
    const metrics = create({ collectTimeoutMs: 20 });
    const answers: Array<(value: readonly { readonly value: number }[]) => void> = [];
    const collect = () =>
      new Promise<readonly { readonly value: number }[]>((resolve) => void answers.push(resolve));
    metrics.collectedGauge({ name: 'quittance_age_seconds', help: 'Age.', collect });
    await Promise.all([metrics.text(), metrics.text()]);
    await metrics.text();
    expect(answers).toHaveLength(1);
    expect(await faultsOf(metrics, 'quittance_age_seconds')).toBe('3');
    answers[0]?.([{ value: 1 }]);
    await new Promise((resolve) => setImmediate(resolve));
    const next = metrics.text();
    answers[1]?.([{ value: 2 }]);
    expect(await next).toContain('quittance_age_seconds{service="settlement"} 2\n');
  });
});

describe('GET /metrics', () => {
  let app: NestFastifyApplication | undefined;

  afterEach(async () => {
    await app?.close();
  });

  it('gives the page, with the figures of the process, in the type that Prometheus reads', async () => {
    const metrics = new Metrics({ service: 'ledger' });
    metrics.counter({ name: 'quittance_posted_total', help: 'Posted.' }).add(5);
    @Module({ imports: [MetricsModule.register({ useFactory: () => metrics })] })
    class AppModule {}
    app = await NestFactory.create<NestFastifyApplication>(AppModule, new FastifyAdapter(), {
      logger: false,
    });
    await app.listen(0, '127.0.0.1');
    const answer = await fetch(`${await app.getUrl()}/metrics`);
    const text = await answer.text();
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(text).toContain('quittance_posted_total{service="ledger"} 5\n');
    expect(text).toMatch(/^process_resident_memory_bytes\{service="ledger"\} [0-9]+$/m);
    expect(app.get(Metrics, { strict: false })).toBe(metrics);
  });
});
