import { describe, expect, it } from '@jest/globals';
import type { PaymentId } from '@quittance/protocol';

import { Sightings } from './sightings.js';
import {
  decideOverdue,
  emptySearchPauseMs,
  isCancelledSilently,
  isOverdue,
  isRefusedForGood,
  overduePauseMs,
} from './verdict.js';

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
  const minutes = 60_000;
  const sighting = (times: number, forMs: number) => ({ times, forMs, anyForMs: forMs });

  it('counts as cancelled after ten minutes of searches, and after ten of them', () => {
    const search = { confirmed: 10n, spentSeenAt: 10n };
    expect(isCancelledSilently({ ...search, sighting: sighting(10, 10 * minutes) })).toBe(true);
    expect(isCancelledSilently({ ...search, sighting: sighting(9, 60 * minutes) })).toBe(false);
    expect(isCancelledSilently({ ...search, sighting: sighting(1_000, 10 * minutes - 1) })).toBe(false);
  });

  it('does not above the configured depth', () => {
    expect(
      isCancelledSilently({ confirmed: 9n, spentSeenAt: 10n, sighting: sighting(99, 99 * minutes) }),
    ).toBe(false);
  });

  it('is searched for again at once, then less often, within a bound', () => {
    expect([1, 2, 3, 10, 1_000].map((times) => emptySearchPauseMs({ times }))).toEqual([
      500, 1_000, 2_000, 15_000, 15_000,
    ]);
  });
});

describe('a queued payment that is overdue', () => {
  const payment = { validBefore: 1_000n, attempts: 1, reorgs: 0 };
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

  it('is ours to conclude when its outcome was told and its block left the chain', () => {
    const takenBack = { ...payment, attempts: 0, reorgs: 1 };
    expect(decideOverdue(takenBack, { spent: false, confirmed: past })).toBe('conclude');
  });

  it('is looked at less and less often, within a bound', () => {
    expect([0, 1, 2, 9, 1_000].map(overduePauseMs)).toEqual([1_000, 2_000, 4_000, 30_000, 30_000]);
  });
});
