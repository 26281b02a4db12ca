import { MoneyError } from './money-error.js';

declare const brand: unique symbol;

/** An unsigned amount in an asset's smallest unit, 0 to 2^256 − 1: what an ERC-20 `uint256` can hold. */
export type AtomicAmount = bigint & { readonly [brand]: 'AtomicAmount' };

export const atomicAmountMax = 2n ** 256n - 1n;

/** Decimal digits only: no sign, fraction, exponent, blank or leading zero, at most the 78 digits of 2^256 − 1. */
export const atomicAmountPattern = /^(0|[1-9][0-9]{0,77})$/;

/**
 * Brands a bigint as an amount.
 *
 * @throws MoneyError `amount_out_of_range` below 0 or above 2^256 − 1.
 */
export function atomicAmount(value: bigint): AtomicAmount {
  if (value < 0n || value > atomicAmountMax) {
    throw new MoneyError('amount_out_of_range', `An amount lies between 0 and 2^256 − 1; got ${value}.`);
  }
  return value as AtomicAmount;
}

/**
 * Reads an amount from its wire form, a string of decimal digits.
 *
 * @throws MoneyError `amount_not_decimal` or `amount_out_of_range`.
 */
export function parseAtomicAmount(text: string): AtomicAmount {
  if (!atomicAmountPattern.test(text)) {
    throw new MoneyError(
      'amount_not_decimal',
      'An amount is a whole number of atomic units, written as a string of decimal digits without sign, fraction or leading zero.',
    );
  }
  return atomicAmount(BigInt(text));
}

/** The wire form: decimal digits. `parseAtomicAmount(formatAtomicAmount(x)) === x`. */
export function formatAtomicAmount(amount: AtomicAmount): string {
  return amount.toString(10);
}
