import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { aged } from './ageing.js';

describe('ageing', () => {
  it('takes what was paid from the oldest first', () => {
    const owed = { weekAgo: 100n, dayAgo: 150n, hourAgo: 160n, now: 200n };
    expect(aged(owed, 0n)).toEqual({
      outstanding: 200n,
      older: 100n,
      upToWeek: 50n,
      upToDay: 10n,
      upToHour: 40n,
    });
    expect(aged(owed, 120n)).toEqual({
      outstanding: 80n,
      older: 0n,
      upToWeek: 30n,
      upToDay: 10n,
      upToHour: 40n,
    });
    expect(aged(owed, 250n)).toEqual({
      outstanding: -50n,
      older: 0n,
      upToWeek: 0n,
      upToDay: 0n,
      upToHour: 0n,
    });
  });

  it('loses no unit: the ages sum to what is outstanding, unless more was paid than owed', () => {
    const amount = fc.bigInt({ min: 0n, max: 2n ** 256n });
    fc.assert(
      fc.property(fc.tuple(amount, amount, amount, amount), amount, ([a, b, c, d], paid) => {
        const owed = { weekAgo: a, dayAgo: a + b, hourAgo: a + b + c, now: a + b + c + d };
        const { outstanding, upToHour, upToDay, upToWeek, older } = aged(owed, paid);
        const sum = upToHour + upToDay + upToWeek + older;
        expect(sum).toBe(outstanding > 0n ? outstanding : 0n);
        for (const part of [upToHour, upToDay, upToWeek, older]) expect(part >= 0n).toBe(true);
      }),
    );
  });
});
