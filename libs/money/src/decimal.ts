import { type AtomicAmount, atomicAmount } from './atomic-amount.js';
import { MoneyError } from './money-error.js';

const decimalPattern = /^(0|[1-9][0-9]*)(\.[0-9]+)?$/;

/** An amount as people write it: 1500000 of a 6-decimal asset is `1.5`. For display; the wire carries atomic units. */
export function formatDecimal(amount: bigint, decimals: number): string {
  const sign = amount < 0n ? '-' : '';
  const digits = (amount < 0n ? -amount : amount).toString(10).padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals);
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, '');
  return `${sign}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

/**
 * Reads a decimal text as atomic units of an asset, exactly.
 *
 * @throws MoneyError `amount_not_decimal`, `amount_out_of_range`, or `precision_lost` when the text has more
 * fraction digits than the asset: nothing is rounded.
 */
export function parseDecimal(text: string, decimals: number): AtomicAmount {
  const match = decimalPattern.exec(text);
  if (match === null) {
    throw new MoneyError('amount_not_decimal', 'A decimal amount looks like "12" or "12.50".');
  }
  const fraction = (match[2] ?? '.').slice(1).replace(/0+$/, '');
  if (fraction.length > decimals) {
    throw new MoneyError(
      'precision_lost',
      `The asset has ${decimals} decimals; "${text.slice(0, 100)}" needs more.`,
    );
  }
  return atomicAmount(BigInt(`${match[1]}${fraction.padEnd(decimals, '0')}`));
}
