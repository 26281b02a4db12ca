import { describe, expect, it } from '@jest/globals';
import type { PaymentId } from '@quittance/protocol';

import { Sightings } from './sightings.js';
import { decideOverdue, isCancelled, isOverdue, isRefusedForGood, overduePauseMs } from './verdict.js';

const id = 'a' as PaymentId;

describe('a refused estimate', () => {
  it('is final when the same one comes again for a while', () => {
    const sightings = new Sightings();
    expect(isRefusedForGood(sightings.see(id, 'insufficient_funds', 0))).toBe(false);
    expect(isRefusedForGood(sightings.see(id, 'insufficient_funds', 10))).toBe(false);
    expect(isRefusedForGood(sightings.see(id, 'insufficient_funds', 999))).toBe(false);
    expect(isRefusedForGood(sightings.see(id, 'insufficient_funds', 1_000))).toBe(true);
  });

  it('is not final for being old: it has to be seen again and again', () => {
    const sightings = new Sightings();
    sightings.see(id, 'insufficient_funds', 0);
    expect(isRefusedForGood(sightings.see(id, 'insufficient_funds', 4_000))).toBe(false);
  });

  it('begins anew when another answer came in between', () => {
    const sightings = new Sightings();
    for (const atMs of [0, 500]) sightings.see(id, 'insufficient_funds', atMs);
    sightings.forget(id);
    expect(isRefusedForGood(sightings.see(id, 'insufficient_funds', 1_000))).toBe(false);
    expect(isRefusedForGood(sightings.see(id, 'invalid_signature', 2_500))).toBe(false);
  });

  it('is final in the end even from a node that gives ever new reasons', () => {
    const sightings = new Sightings();
    const verdicts = [0, 1, 2, 3, 4, 5].map((second) =>
      isRefusedForGood(sightings.see(id, `reason ${second}`, second * 1_000)),
    );
    expect(verdicts).toEqual([false, false, false, false, false, true]);
  });

  it('of one payment says nothing about another', () => {
    const sightings = new Sightings();
    for (const atMs of [0, 500, 1_000]) sightings.see(id, 'insufficient_funds', atMs);
    expect(sightings.see('b' as PaymentId, 'insufficient_funds', 1_000)).toEqual({
      times: 1,
      forMs: 0,
      anyForMs: 0,
    });
  });
});

describe('a spent authorization without a log', () => {
  const sighting = (times: number, forMs: number) => ({ times, forMs, anyForMs: forMs });

  it('was cancelled when the head has come on by two blocks', () => {
    const search = { confirmed: 11n, spentSeenAt: 10n, sighting: sighting(5, 900) };
    expect(isCancelled({ ...search, head: 11n })).toBe(false);
    expect(isCancelled({ ...search, head: 12n })).toBe(true);
  });

  it('was cancelled when an idle chain keeps saying so', () => {
    const search = { head: 10n, confirmed: 10n, spentSeenAt: 10n };
    expect(isCancelled({ ...search, sighting: sighting(4, 1_999) })).toBe(false);
    expect(isCancelled({ ...search, sighting: sighting(4, 2_000) })).toBe(true);
  });

  it('is not decided by one search, nor above the configured depth', () => {
    expect(isCancelled({ head: 20n, confirmed: 20n, spentSeenAt: 10n, sighting: sighting(1, 0) })).toBe(
      false,
    );
    expect(isCancelled({ head: 20n, confirmed: 9n, spentSeenAt: 10n, sighting: sighting(9, 9_000) })).toBe(
      false,
    );
  });
});

describe('a queued payment that is overdue', () => {
  const payment = { validBefore: 1_000n, attempts: 1 };
  const past = { time: 1_000n, spent: false };

  it('is so some seconds before it ends', () => {
    expect(isOverdue(payment, 996n)).toBe(false);
    expect(isOverdue(payment, 997n)).toBe(true);
  });

  it('is looked up when its authorization is spent, whatever the time', () => {
    expect(decideOverdue(payment, { spent: true, confirmed: null })).toBe('find_spender');
    expect(decideOverdue(payment, { spent: false, confirmed: { time: 1n, spent: true } })).toBe(
      'find_spender',
    );
  });

  it('waits until a confirmed block proves that it can not land any more', () => {
    expect(decideOverdue(payment, { spent: false, confirmed: null })).toBe('wait');
    expect(decideOverdue(payment, { spent: false, confirmed: { ...past, time: 999n } })).toBe('wait');
    expect(decideOverdue(payment, { spent: false, confirmed: past })).toBe('conclude');
  });

  it('is left to the facilitator when nothing was ever signed for it', () => {
    expect(decideOverdue({ ...payment, attempts: 0 }, { spent: false, confirmed: past })).toBe('wait');
  });

  it('is looked at less and less often, within a bound', () => {
    expect([0, 1, 2, 9, 1_000].map(overduePauseMs)).toEqual([1_000, 2_000, 4_000, 30_000, 30_000]);
  });
});
