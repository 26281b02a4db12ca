import type { SealedTransaction } from '../proof/sealed-transaction.js';
import type { TransactionFilters } from '../transaction/transaction.schema.js';

export type ExportFilters = TransactionFilters & { readonly book?: 'F' | 'G' | undefined };

/** What `effective_at` is compared with: to the microsecond, as sealed times are. */
export type EffectiveRange = { readonly from: string | null; readonly end: string };

/**
 * Whether a sealed transaction is asked for: by the same rules as in the journal's list, of which each about a line may be
 * fulfilled by one and the same line alone.
 */
export function matches(
  transaction: SealedTransaction,
  filters: ExportFilters,
  range: EffectiveRange,
): boolean {
  const { book, payment_id: payment, chain_transaction: hash } = filters;
  const at = transaction.effectiveAt;
  if (at >= inMicroseconds(range.end) || (range.from !== null && at < inMicroseconds(range.from)))
    return false;
  if (book !== undefined && transaction.book !== book) return false;
  if (payment !== undefined && transaction.paymentId !== payment) return false;
  if (hash !== undefined && transaction.chainTransaction !== hash) return false;
  return hasLine(transaction, filters);
}

function hasLine({ entries }: SealedTransaction, filters: ExportFilters): boolean {
  const { account, asset, amount_min: least, amount_max: most } = filters;
  if ([account, asset, least, most].every((given) => given === undefined)) return true;
  return entries.some((entry) => {
    if (account !== undefined && !isOf(entry.account, account)) return false;
    if (asset !== undefined && entry.asset !== asset) return false;
    const amount = magnitude(BigInt(entry.amount));
    return (least === undefined || amount >= BigInt(least)) && (most === undefined || amount <= BigInt(most));
  });
}

const isOf = (code: string, pattern: string): boolean =>
  pattern.endsWith('*') ? code.startsWith(pattern.slice(0, -1)) : code === pattern;
const magnitude = (amount: bigint): bigint => (amount < 0n ? -amount : amount);
const inMicroseconds = (time: string): string => time.replace(/\.([0-9]{3})Z$/, '.$1000Z');
