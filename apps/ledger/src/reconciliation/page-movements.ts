import type { ChainId } from '@quittance/money';

import { type ChainMovement, type Role } from './movement.js';
import { movementsOf, type MovingReceipt, type TokenTransfer, transferMovement } from './settlement-logs.js';

type Own = ReadonlySet<string>;
type SentReceipt = MovingReceipt & { readonly from: string };

/** What transactions moved that were looked at in full: ours, and others that the books name. */
export function ownMovements(chainId: ChainId, receipts: readonly SentReceipt[], own: Own): ChainMovement[] {
  return receipts.flatMap((receipt) => {
    const { settlements, others } = movementsOf(chainId, receipt);
    const isOurs = own.has(receipt.from);
    const rest = { fee: 0n, awaitedBy: null };
    return [
      // The settlement of another's payment by another is not for our books, unless they have it.
      ...settlements.map((found) => ({ ...found, ...rest, role: settlementRole(isOurs) })),
      ...others.map((found) => ({ ...found, ...rest, role: transferRole(found, own, isOurs) })),
    ];
  });
}

/** Transfers of transactions that were not looked at in full. */
export function transferMovements(
  chainId: ChainId,
  transfers: readonly TokenTransfer[],
  { read, own }: { readonly read: { has(transaction: string): boolean }; readonly own: Own },
): ChainMovement[] {
  return transfers
    .filter(({ transaction }) => !read.has(transaction))
    .map((transfer) => {
      const found = transferMovement(chainId, transfer);
      return { ...found, fee: 0n, awaitedBy: null, role: transferRole(found, own, false) };
    });
}

const settlementRole = (isOurs: boolean): Role => (isOurs ? 'settlement' : 'foreign');

function transferRole(
  { from, to }: { readonly from: string; readonly to: string },
  own: Own,
  isOurs: boolean,
): Role {
  if (own.has(from) && own.has(to)) return 'topup';
  if (own.has(to)) return 'inbound';
  if (own.has(from)) return 'own';
  // What a transaction of ours moves between others can only be a payment.
  return isOurs ? 'settlement' : 'foreign';
}
