import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';

import { backoffMs } from './backoff.js';
import { deadLetterRecord, deadLetterSchema } from './dead-letter.js';
import { eventRoute } from './event-route.js';
import { isRetryable } from './fault.js';
import { busyGatherMs, Pace } from './pace.js';
import { brokersProblem, messagingSettings } from './settings.js';
import { chunkRecords } from './record-chunk.js';
import { partitionCountOf, partitionOf } from './topic-partition.js';
import { Wakeup } from './wakeup.js';

const record = (value: string, key = 'k') => ({ topic: 'quittance.payments.v1', key, value });

describe('a fault', () => {
  it.each([
    [{ retryable: true, code: 'anything' }, true],
    [{ retryable: false, code: 'ECONNREFUSED' }, false],
    [{ code: 'ECONNRESET' }, true],
    [{ code: '08006' }, true],
    [{ code: '57P01' }, true],
    [{ code: '40P01' }, true],
    ...[
      '25006',
      '28P01',
      '42501',
      '42703',
      '42P01',
      '42601',
      '58030',
      '53100',
      '0A000',
      '26000',
      'XX000',
    ].map((code) => [{ code }, true] as const),
    ...['22003', '22P02', '23505', '23514', 'P0001', 'P2002', 'P2025'].map(
      (code) => [{ code }, false] as const,
    ),
    [{ code: 'EPIPE' }, true],
    [{ code: 'EACCES' }, false],
    [new Error('Connection terminated unexpectedly'), true],
    [new Error('wrapped', { cause: { code: 'ECONNREFUSED' } }), true],
    [new RangeError('a bug'), false],
    ['text', false],
    [undefined, false],
  ])('%p is retryable: %p', (fault, expected) => {
    expect(isRetryable(fault)).toBe(expected);
  });

  it('that is its own cause does not hang the question', () => {
    const fault: Error & { cause?: unknown } = new Error('circular');
    fault.cause = fault;
    expect(isRetryable(fault)).toBe(false);
  });
});

describe('publishing in chunks', () => {
  const limits = { recordsMax: 3, bytesMax: 20 };

  it('respects both limits and keeps the order', () => {
    const records = ['aaaa', 'b', 'c', 'd', 'eeeeeeeeeeeeeee', 'ffff'].map((value) => record(value));
    expect(chunkRecords(records, limits).map((chunk) => chunk.map(({ value }) => value))).toEqual([
      ['aaaa', 'b', 'c'],
      ['d', 'eeeeeeeeeeeeeee'],
      ['ffff'],
    ]);
  });

  it('sends a record above the limit alone, and counts bytes, not characters', () => {
    expect(
      chunkRecords([record('a'), record('€€€€€€'), record('b')], limits).map((chunk) => chunk.length),
    ).toEqual([1, 1, 1]);
    expect(chunkRecords([], limits)).toEqual([]);
  });
});

describe('a dead letter', () => {
  it('cuts a value that would be too large for the log, and says where the whole is', () => {
    const value = '\u0001'.repeat(200_000);
    const letter = deadLetterRecord({
      record: { partition: 3, offset: 2n ** 60n, key: 'k', value },
      from: { topic: 'quittance.payments.v1', group: 'ledger' },
      reason: 'too long',
      failedAt: new Date(0),
    });
    expect(Buffer.byteLength(letter.value)).toBeLessThan(1024 * 1024);
    expect(deadLetterSchema.parse(JSON.parse(letter.value))).toMatchObject({
      topic: 'quittance.payments.v1',
      partition: 3,
      offset: '1152921504606846976',
      truncated: true,
    });
  });
});

describe('waiting', () => {
  it('backs off by doubling up to a bound', () => {
    const backoff = { firstMs: 100, maxMs: 1_000 };
    for (const [attempt, ms] of [100, 200, 400, 800, 1_000, 1_000].entries()) {
      const waitMs = backoffMs(backoff, attempt);
      expect(waitMs).toBeGreaterThanOrEqual(ms * 0.8 - 1);
      expect(waitMs).toBeLessThanOrEqual(ms);
    }
    expect(backoffMs(backoff, 10_000)).toBeLessThanOrEqual(1_000);
  });

  it('ends at once when the bell was rung before', async () => {
    const bell = new Wakeup();
    const never = new AbortController().signal;
    bell.wake();
    const startedAt = Date.now();
    await bell.wait(10_000, never);
    setTimeout(() => bell.wake(), 10);
    await bell.wait(10_000, never);
    expect(Date.now() - startedAt).toBeLessThan(5_000);
  });

  it('waits no longer than its limit, and stops when told to', async () => {
    const bell = new Wakeup();
    await bell.wait(5, new AbortController().signal);
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 5);
    await bell.wait(10_000, stop.signal);
    expect(stop.signal.aborted).toBe(true);
  });
});

describe('the pace', () => {
  const roundsEvery = (ms: number, pace: Pace, untilMs = 400): void => {
    for (let nowMs = 0; nowMs < untilMs; nowMs += ms) {
      pace.note(nowMs);
      pace.gatherMs(nowMs);
    }
  };

  it('lets one payment after the other wait for nothing', () => {
    const pace = new Pace();
    roundsEvery(12, pace);
    expect(pace.gatherMs(400)).toBe(0);
  });

  it('gathers while many small rounds come, and for as long as what is gathered goes on', () => {
    const pace = new Pace();
    roundsEvery(4, pace);
    expect(pace.gatherMs(400)).toBe(busyGatherMs);
    for (let nowMs = 420; nowMs < 1_000; nowMs += 20) {
      pace.note(nowMs);
      expect(pace.gatherMs(nowMs)).toBe(busyGatherMs);
    }
    expect(pace.gatherMs(1_200)).toBe(0);
  });
});

describe('the place of a record', () => {
  it('stays the same for a key, and is one of the partitions of its topic', () => {
    // What is in a log was put there by this rule: another one would tear the order of its keys.
    expect(partitionOf('quittance.payments.v1', 'payment-1')).toBe(2);
    for (const key of ['', 'a', '€', 'x'.repeat(500)]) {
      const partition = partitionOf('quittance.payments.v1', key);
      expect(partition).toBeGreaterThanOrEqual(0);
      expect(partition).toBeLessThan(partitionCountOf('quittance.payments.v1'));
    }
  });

  it('is the log itself only where the log is in the same database', () => {
    expect(eventRoute({ kind: 'postgres' })).toEqual({ 'quittance.event_route': 'log' });
    expect(eventRoute({ kind: 'kafka' })).toEqual({ 'quittance.event_route': 'outbox' });
  });
});

describe('the settings', () => {
  const schema = z.object(messagingSettings);

  it('choose Postgres unless told otherwise', () => {
    expect(schema.parse({})).toEqual({ EVENT_TRANSPORT: 'postgres' });
  });

  it('read brokers as a comma-separated list', () => {
    const settings = schema.parse({ EVENT_TRANSPORT: 'kafka', KAFKA_BROKERS: 'a:9092, b:9093,' });
    expect(settings.KAFKA_BROKERS).toEqual(['a:9092', 'b:9093']);
    expect(brokersProblem(settings)).toBeUndefined();
  });

  it.each(['kafka', 'http://a:9092', 'a:b'])('refuse %p for a broker', (KAFKA_BROKERS) => {
    expect(schema.safeParse({ KAFKA_BROKERS }).success).toBe(false);
  });

  it('ask for brokers when Kafka is chosen', () => {
    expect(brokersProblem(schema.parse({ EVENT_TRANSPORT: 'kafka' }))).toMatch(/KAFKA_BROKERS/);
    expect(brokersProblem(schema.parse({ EVENT_TRANSPORT: 'kafka', KAFKA_BROKERS: '' }))).toMatch(
      /KAFKA_BROKERS/,
    );
  });
});
