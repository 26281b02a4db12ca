import { hash } from 'node:crypto';

import { type Moment, untilEndOfDay } from '../moment/moment.js';
import type { Layer } from '../posting/line.js';
import { balanceOf, type Sums } from '../rollup/sums.js';

/** What a statement is of. */
export type StatementScope = {
  readonly account: string;
  readonly asset: string;
  readonly layer: Layer;
  readonly from: string;
  readonly to: string;
  readonly moment: Moment;
};

/** What it is up to: the end of its last day, or the moment's own time where that is earlier. */
export const closingMoment = ({ moment, to }: StatementScope): Moment => untilEndOfDay(moment, to);

export type StatementTotals = { readonly opening: bigint; readonly closing: bigint; readonly within: Sums };

export function totalsOf(before: Sums, within: Sums): StatementTotals {
  const opening = balanceOf(before);
  return { opening, closing: opening + balanceOf(within), within };
}

const idBytes = 16;

/**
 * Made of the content: the question, how much was known, and what it comes to. Whoever holds two statements with one id
 * holds the same statement.
 */
export function statementId(scope: StatementScope, { opening, closing, within }: StatementTotals): string {
  const { account, asset, layer, from, to, moment } = scope;
  const content = [
    'statement 1',
    account,
    asset,
    layer,
    from,
    to,
    closingMoment(scope).asOf,
    String(moment.size),
    String(opening),
    `${within.debits} ${within.debit}`,
    `${within.credits} ${within.credit}`,
    String(closing),
  ].join('\n');
  return hash('sha256', content, 'hex').slice(0, idBytes * 2);
}
