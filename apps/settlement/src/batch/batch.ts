import type { Fees } from '@quittance/chain';
import type { ChainId } from '@quittance/money';
import type { PaymentId } from '@quittance/protocol';

import type { Hex, Payment } from '../payment/payment.js';
import type { LeasedRelayer } from '../relayer/lease.js';
import type { TopUp } from '../sponsoring/top-up.js';

/** Names a batch: digits, as the database counts. */
export type BatchId = string & { readonly __batch: unique symbol };

/** One nonce of a relayer. */
export type Slot = { readonly chainId: ChainId; readonly relayer: Hex; readonly nonce: bigint };

/** A payment's place in a batch; `n` counts the payment's attempts from 1. */
export type Member = { readonly payment: Payment; readonly n: number };

/** A signed transaction. Stored before it is broadcast, never changed and never forgotten. */
export type SignedTransaction = {
  readonly hash: Hex;
  readonly raw: Hex;
  /** From 1; each replaces the one before it. */
  readonly version: number;
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
};

/**
 * - `outstanding`: not known to be mined
 * - `mined`: in a block, and paid for
 * - `displaced`: its nonce was used by a transaction that is not ours
 */
export type BatchState = 'outstanding' | 'mined' | 'displaced';

/**
 * - `outstanding`: its batch is
 * - `landed`: its batch was mined and settled it
 * - `missed`: its batch was mined, and this part of it failed
 * - `reverted`: its batch was mined, and all of it failed
 * - `displaced`: its batch was
 */
export type AttemptState = 'outstanding' | 'landed' | 'missed' | 'reverted' | 'displaced';

/** A batch whose outcome is not known, without what it carries: followers read many of these at every block. */
export type OutstandingBatch = Slot & {
  readonly batchId: BatchId;
  /** Payments in it; 0 for one that only closes a gap. */
  readonly size: number;
  readonly asset: Hex | null;
  readonly gasLimit: bigint;
  /** The chain's head when its newest transaction was signed. */
  readonly signedAt: bigint;
  /** Hashes of its transactions, oldest version first. */
  readonly hashes: readonly Hex[];
};

/** What is to be signed under the next nonce of a relayer. */
export type Draft = {
  readonly chainId: ChainId;
  readonly signer: LeasedRelayer;
  /** Payments of one asset, in the order they are to have; none to close a gap, or to give gas. */
  readonly paymentIds: readonly PaymentId[];
  /** What it gives a payer; null where it gives nothing. */
  readonly topUp: TopUp | null;
  /** Contracts that may be called to deploy a payer's wallet. */
  readonly factories: readonly Hex[];
  readonly gasLimit: bigint;
  readonly fees: Fees;
  /** The chain's head now. */
  readonly head: bigint;
  /** Nonces that carry nothing and hold up later ones: the lowest that still is one is taken first. */
  readonly gaps: readonly bigint[];
};

/** A batch as it was signed and stored: to be broadcast, now or by anybody later. */
export type StoredBatch = Slot & {
  readonly batchId: BatchId;
  readonly paymentIds: readonly PaymentId[];
  readonly gasLimit: bigint;
  readonly transaction: SignedTransaction;
};
