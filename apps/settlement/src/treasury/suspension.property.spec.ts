import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import {
  type Cause,
  causes,
  nothingSeen,
  seeCause,
  settleViews,
  steadyMs,
  untilSettledMs,
  verdictOf,
  type Views,
} from './suspension.js';

type Look = { readonly cause: Cause; readonly holds: boolean; readonly afterMs: number };

const look = fc.record({
  cause: fc.constantFrom(...causes),
  holds: fc.boolean(),
  afterMs: fc.integer({ min: 0, max: 4_000 }),
});

function play(looks: readonly Look[]): { views: Views; nowMs: number } {
  let nowMs = 0;
  let views = nothingSeen;
  for (const { cause, holds, afterMs } of looks) {
    nowMs += afterMs;
    views = settleViews(seeCause(views, cause, { holds, nowMs }), nowMs);
  }
  return { views, nowMs };
}

describe('a suspension', () => {
  it('is told when a cause held for long enough, and ended when that none holds is known of each', () => {
    fc.assert(
      fc.property(fc.array(look, { maxLength: 30 }), (looks) => {
        const { views, nowMs } = play(looks);
        const later = settleViews(views, nowMs + Math.max(...Object.values(steadyMs)));
        const last = (cause: Cause) => looks.findLast((each) => each.cause === cause)?.holds;
        const reason = causes.find((cause) => last(cause) === true);
        const none = causes.every((cause) => last(cause) === false);
        expect(verdictOf(later)).toEqual(
          reason === undefined ? { kind: none ? 'settles' : 'unknown' } : { kind: 'suspended', reason },
        );
        expect(untilSettledMs(later, nowMs + 60_000)).toBeNull();
      }),
    );
  });

  it('does not follow a price that swings faster than it settles', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 4_999 }), { maxLength: 30 }), (pauses) => {
        const swings = pauses.map((afterMs, index): Look => {
          return { cause: 'gas_price_above_cap', holds: index % 2 === 0, afterMs };
        });
        const { views } = play([{ cause: 'relayers_unfunded', holds: false, afterMs: 0 }, ...swings]);
        expect(verdictOf(views)).toEqual({ kind: 'unknown' });
      }),
    );
  });

  it('says nothing before each cause has been looked at, and at once that relayers are unfunded', () => {
    expect(verdictOf(nothingSeen)).toEqual({ kind: 'unknown' });
    expect(untilSettledMs(nothingSeen, 0)).toBeNull();
    const seen = seeCause(nothingSeen, 'relayers_unfunded', { holds: true, nowMs: 7 });
    expect(untilSettledMs(seen, 7)).toBe(0);
    expect(verdictOf(settleViews(seen, 7))).toEqual({ kind: 'suspended', reason: 'relayers_unfunded' });
  });

  it('is looked at again when the price has held for long enough', () => {
    const seen = seeCause(nothingSeen, 'gas_price_above_cap', { holds: true, nowMs: 1_000 });
    expect(untilSettledMs(seen, 3_000)).toBe(3_000);
    expect(verdictOf(settleViews(seen, 5_999)).kind).toBe('unknown');
    expect(verdictOf(settleViews(seen, 6_000)).kind).toBe('suspended');
  });
});
