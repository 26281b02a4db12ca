import { describe, expect, it } from '@jest/globals';

import { leaseMs, leasePauseMs, type LeaseRound, renewIntervalMs } from './lease.js';

const round: LeaseRound = { configured: 3, held: 3, taking: 'none', sinceRenewalMs: 0 };

describe('the rounds of a holder of leases', () => {
  it('come in time to renew, and would even if two of them failed', () => {
    expect(leasePauseMs(round)).toBe(renewIntervalMs);
    expect(leasePauseMs({ ...round, sinceRenewalMs: renewIntervalMs + 1 })).toBe(0);
    expect(3 * renewIntervalMs).toBeLessThan(leaseMs);
  });

  it('come sooner while keys are to be had, and soonest after one was taken', () => {
    const after = leasePauseMs({ ...round, held: 1, taking: 'taken' });
    const none = leasePauseMs({ ...round, held: 1 });
    expect(after).toBeLessThan(none);
    expect(none).toBeLessThan(renewIntervalMs);
    expect(leasePauseMs({ ...round, held: 0, taking: 'lost' })).toBe(0);
    expect(leasePauseMs({ ...round, held: 1, sinceRenewalMs: renewIntervalMs })).toBe(0);
  });
});
