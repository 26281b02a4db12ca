import { beforeEach, describe, expect, it } from '@jest/globals';

import { CircuitBreaker } from './circuit-breaker.js';

let now: number;
let breaker: CircuitBreaker;

beforeEach(() => {
  now = 0;
  breaker = new CircuitBreaker({ faultsMax: 3, pauseMinMs: 100, pauseMaxMs: 300 }, () => now);
});

function fault(times: number): void {
  for (let time = 0; time < times; time += 1) breaker.noteFault();
}

describe('A circuit breaker', () => {
  it('opens after faults in a row, and not after as many with a success between them', () => {
    fault(2);
    breaker.noteSuccess();
    fault(2);
    expect(breaker.isClosed).toBe(true);
    fault(1);
    expect(breaker.isClosed).toBe(false);
  });

  it('lets a trial through when its pause is over, which closes it', () => {
    fault(3);
    now = 99;
    expect(breaker.isTrialDue).toBe(false);
    now = 100;
    expect(breaker.isTrialDue).toBe(true);
    breaker.noteSuccess();
    expect(breaker.isClosed).toBe(true);
    expect(breaker.isTrialDue).toBe(false);
  });

  it('waits twice as long after each trial that fails, up to a limit', () => {
    fault(3);
    for (const pause of [100, 200, 300, 300]) {
      now += pause - 1;
      expect(breaker.isTrialDue).toBe(false);
      now += 1;
      expect(breaker.isTrialDue).toBe(true);
      fault(1);
    }
  });

  it('does not wait longer for faults of what was asked before it opened', () => {
    fault(50);
    now = 100;
    expect(breaker.isTrialDue).toBe(true);
  });
});
