import { formatDecimal } from '@quittance/money';

import type { BookedAsset, BookedPayment, TrialBalance } from './books.js';
import type { Purchase } from './purchase.js';
import type { TimelineRow } from './timeline.js';

const generations = {
  v2: '@x402/fetch buys from @x402/express (protocol version 2)',
  v1: 'x402-fetch buys from x402-express (protocol version 1)',
} as const;

const wording: Readonly<Record<TimelineRow['moment'], string>> = {
  asked: 'asked for it',
  '402': '402, payment required',
  signed: 'signed by the agent',
  verified: 'verified',
  settled: 'settled on chain',
  served: 'served',
};

/** One purchase, as lines: its timeline, its transaction and its entries. */
export function purchaseReport(purchase: Purchase, booked: BookedPayment, bookedAfterMs: number): string[] {
  const timeline = purchase.rows.map(
    ({ moment, atMs, tookMs }) =>
      `  ${wording[moment].padEnd(24)}${milliseconds(atMs)}   +${tookMs.toFixed(1)}`,
  );
  const entries = booked.transactions.flatMap(({ book, event, entries: lines }) => [
    `    ${event}, book ${book}`,
    ...lines.map(
      ({ account, asset, layer, amount }) =>
        `      ${layer.padEnd(11)}${inUnits(amount, asset).padStart(26)}  ${account}`,
    ),
  ]);
  return [
    generations[purchase.generation],
    ...timeline,
    `  ${'posted in the ledger'.padEnd(24)}${milliseconds(bookedAfterMs)}   after the sale`,
    `  payment      ${purchase.paymentId}`,
    `  transaction  ${purchase.transaction}`,
    `  payer        ${purchase.payer} (a new key with one test dollar and no gas)`,
    '  entries (debit +, credit −)',
    ...entries,
  ];
}

/** The trial balance, as lines. */
export function trialBalanceReport({ rows }: TrialBalance): string[] {
  return [
    'Trial balance: zero',
    ...rows.map(
      ({ book, asset, layer, debits, credits, difference }) =>
        `  ${book.padEnd(3)}${layer.padEnd(11)}debits ${inUnits(debits, asset)}, credits ${inUnits(credits, asset)}, difference ${difference}`,
    ),
  ];
}

function inUnits(amount: string, { symbol, scale }: BookedAsset): string {
  if (scale === null) return amount;
  // Only what the networks list has a symbol; the native coin is not on it.
  return `${formatDecimal(BigInt(amount), scale)} ${symbol ?? 'native'}`;
}

function milliseconds(value: number): string {
  return `${value.toFixed(1)} ms`.padStart(11);
}
