import type { AssetId } from '@quittance/money';

import type { Pairing } from './matching.js';
import { type BookedMovement, type ChainMovement, outside, type Parties, placeKey } from './movement.js';

export const breakTypes = [
  'missing_in_ledger',
  'missing_on_chain',
  'amount',
  'party',
  'duplicate',
  'orphaned',
  'late',
  'balance',
] as const;
export type BreakType = (typeof breakTypes)[number];

/** Something that the books and the chain do not agree on. */
export type Finding = {
  readonly type: BreakType;
  /** What it is about: found again it has the same one. */
  readonly subject: string;
  readonly block: bigint;
  readonly blockHash: string | null;
  readonly transaction: string | null;
  readonly asset: AssetId;
  /** What is at stake: the difference of amounts, or all of it. */
  readonly value: bigint;
  readonly detail: string;
  readonly paymentId: string | null;
  /** The transaction of the books that it is about. */
  readonly transactionId: string | null;
  /** The wallet of ours of which the chain has more than the books because of it, and how much. */
  readonly wallet: string | null;
  readonly effect: bigint;
};

/** The hash that the chain has now for a block; null for one that it has not got. */
export type HashAt = (block: bigint) => string | null;

/** What a finding must be told from outside: the chain's blocks, and which wallets are ours. */
export type FindingGround = { readonly hashAt: HashAt; readonly own: { has(address: string): boolean } };

/** What is wrong with a pairing; null where nothing is. */
export function findingOf(pairing: Pairing, { hashAt, own }: FindingGround): Finding | null {
  const finding = judged(pairing, hashAt);
  return finding === null ? null : { ...finding, ...effectOf(pairing, own) };
}

type Judged = Omit<Finding, 'wallet' | 'effect'>;

function judged(pairing: Pairing, hashAt: HashAt): Judged | null {
  switch (pairing.kind) {
    case 'matched':
      return differenceOf(pairing.chain, pairing.booked);
    case 'unbooked':
      return unbooked(pairing.chain);
    case 'unseen':
      return unseen(pairing.booked, hashAt);
    case 'again':
      return again(pairing.booked, pairing.first);
  }
}

function unbooked(chain: ChainMovement): Judged | null {
  if (chain.role === 'foreign') return null;
  const isLate = chain.awaitedBy !== null;
  const detail = isLate
    ? `The chain has ${moved(chain)}, and payment ${chain.awaitedBy} waits for it: its event has not come yet.`
    : `The chain has ${moved(chain)}, and nothing of it is in the books.`;
  return {
    ...whereOf(chain),
    type: isLate ? 'late' : 'missing_in_ledger',
    value: chain.amount,
    detail,
    paymentId: chain.awaitedBy,
    transactionId: null,
  };
}

function unseen(booked: BookedMovement, hashAt: HashAt): Judged {
  const { block, blockHash } = booked.place;
  const isOrphaned = hashAt(block) !== blockHash;
  const detail = isOrphaned
    ? `The books have ${moved(booked)} in block ${block}, ${blockHash}, which is not on the chain any more.`
    : `The books have ${moved(booked)}, and the chain has not.`;
  return {
    ...whereOf(booked),
    ...bookedBy(booked),
    type: isOrphaned ? 'orphaned' : 'missing_on_chain',
    value: booked.amount,
    detail,
  };
}

function again(booked: BookedMovement, first: BookedMovement): Judged {
  return {
    ...whereOf(booked),
    ...bookedBy(booked),
    type: 'duplicate',
    subject: `${placeKey(booked.place)}#${booked.paymentId ?? booked.transactionId}`,
    value: booked.amount,
    detail: `The books have ${moved(booked)} by transaction ${booked.transactionId}, and had it before by transaction ${first.transactionId}.`,
  };
}

function differenceOf(chain: ChainMovement, booked: BookedMovement): Judged | null {
  const isOfOthers = (['asset', 'from', 'to'] as const).some((field) => chain[field] !== booked[field]);
  const isOtherAmount = chain.amount !== booked.amount;
  if (!isOfOthers && !isOtherAmount) return null;
  const excess = booked.amount - chain.amount;
  return {
    ...whereOf(chain),
    ...bookedBy(booked),
    type: isOfOthers ? 'party' : 'amount',
    value: isOfOthers ? chain.amount : excess < 0n ? -excess : excess,
    detail: `The chain has ${moved(chain)}, and the books have ${moved(booked)}.`,
  };
}

/** Payments are of others: what is wrong with one changes no wallet of ours, unless it is the one that was paid. */
function effectOf(
  pairing: Pairing,
  own: FindingGround['own'],
): { readonly wallet: string | null; readonly effect: bigint } {
  const chain = pairing.kind === 'matched' || pairing.kind === 'unbooked' ? pairing.chain : null;
  const booked = pairing.kind === 'unbooked' ? null : pairing.booked;
  const wallet = [chain, booked]
    .flatMap((one) => (one === null ? [] : [one.from, one.to]))
    .find((address) => own.has(address));
  if (wallet === undefined) return { wallet: null, effect: 0n };
  return { wallet, effect: added(chain, wallet) - added(booked, wallet) };
}

function added(parties: Parties | null, wallet: string): bigint {
  if (parties === null) return 0n;
  return (parties.to === wallet ? parties.amount : 0n) - (parties.from === wallet ? parties.amount : 0n);
}

const bookedBy = ({
  paymentId,
  transactionId,
}: BookedMovement): Pick<Finding, 'paymentId' | 'transactionId'> => ({
  paymentId,
  transactionId,
});

function whereOf({ place, asset }: ChainMovement | BookedMovement) {
  const { block, blockHash, transaction } = place;
  return {
    subject: placeKey(place),
    // Of a transaction that was never seen the block is not known.
    block: block < 0n ? 0n : block,
    blockHash: blockHash === '' ? null : blockHash,
    transaction: transaction === '' ? null : transaction,
    asset,
  };
}

const named = (address: string): string => (address === outside ? 'outside' : address);

const moved = ({ amount, asset, from, to }: Parties): string =>
  `${amount} of ${asset} from ${named(from)} to ${named(to)}`;
