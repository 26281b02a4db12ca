import type { BlockRef } from '@quittance/events';
import type { PaymentId, ReasonCode } from '@quittance/protocol';

import type { Hex } from './payment.js';

/** A block as the chain tells it. */
export type FoundBlock = { readonly number: bigint; readonly hash: Hex; readonly time: bigint };

/** What a mined transaction of ours cost, in wei. */
export type Cost = {
  readonly blockNumber: bigint;
  readonly gasUsed: bigint;
  readonly gasPrice: bigint;
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
      /** The attempt whose transaction it was, null when the transaction is somebody else's. */
      readonly own: { readonly attempt: number; readonly cost: Cost } | null;
    }
  | {
      readonly type: 'reverted';
      readonly paymentId: PaymentId;
      readonly attempt: number;
      readonly transaction: Hex;
      readonly block: FoundBlock;
      readonly cost: Cost;
      readonly reason: ReasonCode;
      readonly detail: string;
      readonly authorizationSpent: boolean;
    }
  | { readonly type: 'displaced'; readonly paymentId: PaymentId; readonly attempt: number }
  | {
      readonly type: 'refused';
      readonly paymentId: PaymentId;
      readonly reason: ReasonCode;
      readonly detail: string;
      readonly authorizationSpent: boolean;
    };

/** The attempt that a finding is about, null when it is about none. */
export function attemptOf(finding: Finding): number | null {
  switch (finding.type) {
    case 'landed':
      return finding.own?.attempt ?? null;
    case 'reverted':
    case 'displaced':
      return finding.attempt;
    case 'refused':
      return null;
  }
}

/** A block as events name it. */
export function blockRef(block: FoundBlock): BlockRef {
  return { number: block.number.toString(), hash: block.hash, time: block.time.toString() };
}
