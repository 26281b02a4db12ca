import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { forecast, type FundsLevel, lowHoursTenths, wellHoursTenths } from './forecast.js';

const wei = fc.bigInt({ min: 0n, max: 10n ** 30n });
const level = fc.constantFrom<FundsLevel>('ok', 'low', 'dry');
const funds = fc.record({ balance: wei, spentLastHour: wei, balanceMin: wei });

describe('the forecast of a relayer’s funds', () => {
  it('is dry exactly below the least balance, whatever was spent', () => {
    fc.assert(
      fc.property(funds, level, (now, before) => {
        expect(forecast(now, before).level === 'dry').toBe(now.balance < now.balanceMin);
      }),
    );
  });

  it('tells whole tenths of an hour that the balance pays for, and not one more', () => {
    fc.assert(
      fc.property(funds, (now) => {
        const { hoursLeftTenths: tenths } = forecast(now);
        if (now.spentLastHour === 0n) return expect(tenths).toBeNull();
        expect((tenths ?? 0n) * now.spentLastHour <= now.balance * 10n).toBe(true);
        expect(((tenths ?? 0n) + 1n) * now.spentLastHour > now.balance * 10n).toBe(true);
      }),
    );
  });

  it('never gets better with less money or more spent', () => {
    const rank = { ok: 0, low: 1, dry: 2 };
    fc.assert(
      fc.property(funds, level, fc.tuple(wei, wei), (now, before, [less, more]) => {
        const balance = now.balance < less ? 0n : now.balance - less;
        const worse = { ...now, balance, spentLastHour: now.spentLastHour + more };
        expect(rank[forecast(worse, before).level]).toBeGreaterThanOrEqual(rank[forecast(now, before).level]);
      }),
    );
  });

  it('is low below a day, and well again only when it lasts two hours more than that', () => {
    const of = (tenths: bigint, before: FundsLevel) =>
      forecast({ balance: tenths, spentLastHour: 10n, balanceMin: 0n }, before).level;
    expect([of(lowHoursTenths, 'ok'), of(lowHoursTenths - 1n, 'ok')]).toEqual(['ok', 'low']);
    expect([of(wellHoursTenths - 1n, 'low'), of(wellHoursTenths, 'low')]).toEqual(['low', 'ok']);
    expect(of(lowHoursTenths, 'dry')).toBe('low');
  });

  it('calls nothing low of which nothing was spent', () => {
    expect(forecast({ balance: 1n, spentLastHour: 0n, balanceMin: 1n })).toEqual({
      hoursLeftTenths: null,
      level: 'ok',
    });
  });
});
