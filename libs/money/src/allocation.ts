import { type AtomicAmount, atomicAmount } from './atomic-amount.js';
import { MoneyError } from './money-error.js';

/**
 * Splits a total by whole weights and loses nothing: the parts add up to the total, each lies within one unit of
 * its exact share, and units left over go to the largest remainders, the earlier part first where they tie.
 *
 * @throws MoneyError `weights_unusable` without weights, with a negative one, or when all are 0.
 */
export function allocate(total: AtomicAmount, weights: readonly bigint[]): AtomicAmount[] {
  const whole = weights.reduce((sum, weight) => sum + weight, 0n);
  if (whole <= 0n || weights.some((weight) => weight < 0n)) {
    throw new MoneyError(
      'weights_unusable',
      'An allocation needs weights of 0 or more, one of them above 0.',
    );
  }
  const parts = weights.map((weight) => (total * weight) / whole);
  const remainders = weights.map((weight, index) => ({ index, remainder: (total * weight) % whole }));
  remainders.sort((a, b) =>
    a.remainder === b.remainder ? a.index - b.index : a.remainder > b.remainder ? -1 : 1,
  );

  let leftOver = total - parts.reduce((sum, part) => sum + part, 0n);
  for (const { index } of remainders) {
    if (leftOver === 0n) break;
    parts[index] = (parts[index] ?? 0n) + 1n;
    leftOver -= 1n;
  }
  return parts.map(atomicAmount);
}
