/** What a relayer has, and what it used lately: wei. */
export type Funds = {
  readonly balance: bigint;
  /** Fees of its transactions that were mined within the last hour. */
  readonly spentLastHour: bigint;
  /** Below this it signs nothing. */
  readonly balanceMin: bigint;
};

/**
 * - `ok`: lasts
 * - `low`: lasts less than a day at the present rate
 * - `dry`: holds less than what it must to be used
 */
export type FundsLevel = 'ok' | 'low' | 'dry';

export type Forecast = {
  /** Tenths of an hour, rounded down, until all is spent; null when nothing was spent. */
  readonly hoursLeftTenths: bigint | null;
  readonly level: FundsLevel;
};

export const lowHoursTenths = 240n;
/** What was low is well again a little later than it became low: rates swing, and alarms must not. */
export const wellHoursTenths = 264n;

/** How long a relayer's balance lasts if the last hour goes on. */
export function forecast({ balance, spentLastHour, balanceMin }: Funds, before: FundsLevel = 'ok'): Forecast {
  const hoursLeftTenths = spentLastHour <= 0n ? null : (balance * 10n) / spentLastHour;
  if (balance < balanceMin) return { hoursLeftTenths, level: 'dry' };
  const wellTenths = before === 'ok' ? lowHoursTenths : wellHoursTenths;
  const isLow = hoursLeftTenths !== null && hoursLeftTenths < wellTenths;
  return { hoursLeftTenths, level: isLow ? 'low' : 'ok' };
}
