import type { Address } from 'viem';

import type { EvmPayment } from './payment.js';
import type { Purpose } from './read-payment.js';

/** How the call would go at the block the facts are of. */
export type Simulation =
  | { readonly ok: true }
  | {
      readonly ok: false;
      /** The reason's text, raw hex, or empty. */
      readonly revert: string;
      /** The factory's call reverted, of a wallet to be deployed, and so nothing after it could succeed. */
      readonly failedAt?: 'deployment';
    };

/** What the chain says about a payment, all of it at one block. null where nothing usable was answered, or asked. */
export type EvmFacts = {
  readonly blockNumber: bigint;
  /** Unix seconds. */
  readonly blockTime: bigint;
  readonly payerHasCode: boolean;
  readonly assetHasCode: boolean;
  readonly balance: bigint | null;
  /** EIP-3009: `authorizationState` of the token. Permit2: the nonce's bit in its `nonceBitmap`. */
  readonly authorizationUsed: boolean | null;
  /** What `isValidSignature` of a payer with code says to the digest and the unwrapped signature. */
  readonly signatureAccepted: boolean | null;
  /** EIP-3009 only. */
  readonly tokenName: string | null;
  readonly tokenVersion: string | null;
  /** Permit2: what the payer lets it take of the asset. */
  readonly allowance: bigint | null;
  /** Permit2: whether the scheme's proxy is deployed. True for EIP-3009, which needs none. */
  readonly proxyHasCode: boolean;
  /** Of the very call that would settle; where the payer's wallet has to be deployed, with that before it. */
  readonly simulation: Simulation;
};

/** What a verdict is made of. */
export type Judged<Payment extends EvmPayment = EvmPayment> = {
  readonly payment: Payment;
  readonly facts: EvmFacts;
  /** Unix seconds. */
  readonly nowSeconds: bigint;
  /** The same as the payment was read for. */
  readonly purpose: Purpose;
  /** Factories of wallets that may be called, in lower case. */
  readonly factories: readonly Address[];
  /** The accounts that settle on this chain, in lower case. */
  readonly relayers: readonly Address[];
};

/** Time that a payment must have left, to be put in a block: what the reference facilitator asks for. */
export const expiryMarginSeconds = 6n;

/** The next block's time is at least the last one's, and at least about ours. */
export function timeOf({ facts, nowSeconds }: Pick<Judged, 'facts' | 'nowSeconds'>): bigint {
  return facts.blockTime > nowSeconds ? facts.blockTime : nowSeconds;
}
