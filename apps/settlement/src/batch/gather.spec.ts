import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { companyMs, fullBatchSize, gatherMs, gatherPauseMs, returnMs } from './gather.js';

const gathering = fc.record({
  ready: fc.integer({ min: 1, max: 1_000 }),
  oldestWaitedMs: fc.double({ min: -1_000, max: 10_000, noNaN: true }),
  onTheirWay: fc.integer({ min: 0, max: 100 }),
  oneEnded: fc.boolean(),
  company: fc.integer({ min: 1, max: 300 }),
  crowd: fc.integer({ min: 1, max: 300 }),
  sinceEndMs: fc.double({ min: 0, max: 10_000, noNaN: true }),
});
const nobodyReturns = { crowd: 1, sinceEndMs: returnMs };

describe('how long payments gather', () => {
  it('is no time at all while nothing is on its way, even for one', () => {
    fc.assert(
      fc.property(
        gathering,
        (given) => gatherPauseMs({ ...given, onTheirWay: 0, company: 1, crowd: 1 }) === 0,
      ),
    );
  });

  it('is over when something came to its end, and when a batch is full', () => {
    fc.assert(
      fc.property(
        gathering,
        (given) =>
          gatherPauseMs({ ...given, oneEnded: true, company: given.ready, crowd: given.ready }) === 0 &&
          gatherPauseMs({ ...given, ready: fullBatchSize + given.ready }) === 0,
      ),
    );
  });

  it('lets those who moved together before find each other again, and no longer than a moment', () => {
    fc.assert(
      fc.property(gathering, (given) => {
        const pauseMs = gatherPauseMs({ ...given, onTheirWay: 0, ...nobodyReturns });
        return pauseMs <= companyMs && (given.ready < given.company || pauseMs === 0);
      }),
    );
    const given = { ready: 2, oldestWaitedMs: 4, onTheirWay: 0, oneEnded: false, company: 16 };
    expect(gatherPauseMs({ ...given, ...nobodyReturns })).toBe(companyMs - 4);
  });

  it('lets those that gathered wait for those that ended, until all are there or a moment is over', () => {
    const given = { ready: 8, oldestWaitedMs: 30, onTheirWay: 1, oneEnded: true, company: 8 };
    expect(gatherPauseMs({ ...given, crowd: 16, sinceEndMs: 5 })).toBe(returnMs - 5);
    expect(gatherPauseMs({ ...given, crowd: 16, ready: 16, sinceEndMs: 5 })).toBe(0);
    expect(gatherPauseMs({ ...given, crowd: 16, sinceEndMs: returnMs })).toBe(0);
  });

  it('never makes the first wait longer than the bound, whatever clocks say', () => {
    fc.assert(
      fc.property(gathering, (given) => {
        const pauseMs = gatherPauseMs(given);
        return (
          pauseMs >= 0 &&
          pauseMs <= gatherMs &&
          pauseMs + Math.max(given.oldestWaitedMs, 0) <= Math.max(gatherMs, given.oldestWaitedMs)
        );
      }),
    );
  });

  it('waits for the rest of the bound otherwise', () => {
    const given = {
      ready: 3,
      oldestWaitedMs: 50,
      onTheirWay: 1,
      oneEnded: false,
      company: 1,
      ...nobodyReturns,
    };
    expect(gatherPauseMs(given)).toBe(gatherMs - 50);
    expect(gatherPauseMs({ ...given, oldestWaitedMs: gatherMs })).toBe(0);
  });
});
