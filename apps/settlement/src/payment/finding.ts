import type { BlockRef } from '@quittance/events';
import type { PaymentId, ReasonCode } from '@quittance/protocol';

import type { AttemptState } from '../batch/batch.js';
import type { Hex } from './payment.js';

/** A block as the chain tells it. */
export type FoundBlock = { readonly number: bigint; readonly hash: Hex; readonly time: bigint };

/** What a mined transaction of ours cost, or a payment's part of that: gas, and wei. */
export type Cost = {
  readonly gasUsed: bigint;
  /** Of a unit of gas: the same for the whole and its parts. */
  readonly gasPrice: bigint;
  /** What a rollup charged for data; part of `fee`. */
  readonly l1Fee: bigint;
  readonly fee: bigint;
};

/** Where an authorization's log stands on chain. */
export type Landing = { readonly transaction: Hex; readonly block: FoundBlock; readonly logIndex: number };

/** Something that the chain says about one payment. A fact, to be applied whatever has happened to the payment since. */
export type Finding =
  | {
      readonly type: 'landed';
      readonly paymentId: PaymentId;
      readonly landing: Landing;
      /** Whose transaction it was. */
      readonly by: 'us' | 'other';
      /** The attempt that it was, and what that cost; null for somebody else's, or where that is known already. */
      readonly own: { readonly attempt: number; readonly cost: Cost } | null;
    }
  | {
      /** An attempt for this payment alone was mined and failed. */
      readonly type: 'reverted';
      readonly paymentId: PaymentId;
      readonly attempt: number;
      /** `missed` when the transaction succeeded and yet settled nothing. */
      readonly cause: 'reverted' | 'missed';
      readonly transaction: Hex;
      readonly block: FoundBlock;
      readonly cost: Cost;
      readonly reason: ReasonCode;
      readonly detail: string;
      readonly authorizationSpent: boolean;
    }
  | {
      /** An attempt ended without settling the payment; why is not known, or not the payment's fault. */
      readonly type: 'released';
      readonly paymentId: PaymentId;
      readonly attempt: number;
      readonly cause: 'displaced' | 'missed' | 'reverted';
      /** The transaction that was mined, or the newest of those that never will be. */
      readonly transaction: Hex;
      /** Null when it was displaced. */
      readonly mined: { readonly block: FoundBlock; readonly cost: Cost } | null;
      /** Payments at most in the next batch with this one; null when that is as before. */
      readonly batchLimit: number | null;
    }
  | {
      readonly type: 'refused';
      readonly paymentId: PaymentId;
      readonly reason: ReasonCode;
      readonly detail: string;
      readonly authorizationSpent: boolean;
    };

/** The attempt that a finding ends, null when it ends none. */
export function attemptOf(finding: Finding): number | null {
  switch (finding.type) {
    case 'landed':
      return finding.own?.attempt ?? null;
    case 'reverted':
    case 'released':
      return finding.attempt;
    case 'refused':
      return null;
  }
}

/** How the attempt that a finding is about ended. */
export function attemptEndOf(finding: Finding): Exclude<AttemptState, 'outstanding'> | null {
  switch (finding.type) {
    case 'landed':
      return finding.own === null ? null : 'landed';
    case 'reverted':
    case 'released':
      return finding.cause;
    case 'refused':
      return null;
  }
}

/** What the attempt that a finding is about cost this payment, null when it was not mined. */
export function costOf(finding: Finding): Cost | null {
  switch (finding.type) {
    case 'landed':
      return finding.own?.cost ?? null;
    case 'reverted':
      return finding.cost;
    case 'released':
      return finding.mined?.cost ?? null;
    case 'refused':
      return null;
  }
}

/** A block as events name it. */
export function blockRef(block: FoundBlock): BlockRef {
  return { number: block.number.toString(), hash: block.hash, time: block.time.toString() };
}
