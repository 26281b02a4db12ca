import type { AssetId } from '@quittance/money';

/**
 * Where on a chain something moved. `part` is what of the transaction: a log by its index in the block, or the native
 * coin of one wallet of ours. `transaction` is empty where no transaction is known that a wallet's coin moved by.
 */
export type Place = {
  readonly block: bigint;
  readonly blockHash: string;
  readonly transaction: string;
  readonly part: string;
};

const indexDigits = 10;

/** A log: a token's of a transfer, or of the authorization by which it was made. */
export const logPart = (logIndex: number): string => `log:${String(logIndex).padStart(indexDigits, '0')}`;

/** All native coin that a transaction added to a wallet of ours, or took from it, its fee included. */
export const nativePart = (wallet: string): string => `native:${wallet}`;

/** The outside of a wallet of ours: whoever a fee goes to, wherever native coin comes from. */
export const outside = '';

/** Who gave whom how much of what; addresses in lower case. */
export type Parties = {
  readonly asset: AssetId;
  readonly from: string;
  readonly to: string;
  readonly amount: bigint;
};

/**
 * What a movement is to us.
 * - settlement: of a payment, by a transaction of ours or for a payment in the books
 * - refund: from a merchant to somebody who had paid it through us
 * - inbound: from somebody else to a wallet of ours
 * - topup: between wallets of ours
 * - own: from a wallet of ours, or its gas: only our own services know why
 * - foreign: business of others, of which the books need not know
 */
export type Role = 'settlement' | 'refund' | 'inbound' | 'topup' | 'own' | 'foreign';

/** A movement as the chain has it. */
export type ChainMovement = Parties & {
  readonly place: Place;
  readonly role: Role;
  /** Of the authorization that it used, where it used one. */
  readonly nonce: string | null;
  /** Of what a wallet of ours spent, the fee of the transaction; 0 for everything else. */
  readonly fee: bigint;
  /** The payment in the books that waits for it. */
  readonly awaitedBy: string | null;
};

/** A movement as the books have it. */
export type BookedMovement = Parties & {
  readonly place: Place;
  readonly paymentId: string | null;
  /** The transaction of the books by which it was posted last. */
  readonly transactionId: string;
};

/** Negative when `a` comes first: by block, transaction, part and block hash. Both sides come in this order. */
export function byPlace(a: Place, b: Place): number {
  if (a.block !== b.block) return a.block < b.block ? -1 : 1;
  return (
    compareText(a.transaction, b.transaction) ||
    compareText(a.part, b.part) ||
    compareText(a.blockHash, b.blockHash)
  );
}

/** One text for a place: what a break is about is known by it. */
export const placeKey = ({ blockHash, transaction, part }: Place): string =>
  `${transaction === '' ? blockHash : transaction}/${part}@${blockHash}`;

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
