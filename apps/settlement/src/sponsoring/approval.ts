import type { Fees, Standing } from '@quittance/chain';
import { readSignedTransaction, type Sponsoring } from '@quittance/exact-evm';
import type { ReasonCode } from '@quittance/protocol';

import type { Hex } from '../payment/payment.js';

/** A payer's own signed transaction that approves Permit2, as far as it matters to whoever pays for it. */
export type Approval = {
  readonly raw: Hex;
  readonly hash: Hex;
  readonly nonce: bigint;
  readonly feePerGasMax: bigint;
  /** What its sender has to hold, in wei, for nodes to take it. */
  readonly cost: bigint;
};

/** Beside gas times price, for what rollups charge for data. */
const costMarginPercent = 25n;

/**
 * What has been given to the payer, for it or for one that was not paid: nothing, or a transaction that is on its way (or
 * that the payer may yet pay with), or one in a block.
 */
export type TopUpState = 'none' | 'outstanding' | 'mined';

/** What is known of an approval that Permit2 still lacks. */
export type ApprovalFacts = {
  readonly standing: Pick<Standing, 'wei' | 'nonce'>;
  /** How its transaction ended; null while it is in no block. */
  readonly mined: 'success' | 'reverted' | null;
  readonly topUp: TopUpState;
  readonly fees: Pick<Fees, 'baseFee'>;
  /** What a payer is given at most, in wei. */
  readonly topUpMaxWei: bigint;
};

/** What to do next to have Permit2 approved. */
export type ApprovalStep =
  | { readonly kind: 'broadcast' }
  | { readonly kind: 'top_up'; readonly wei: bigint }
  /** Something of it is on its way. */
  | { readonly kind: 'wait' }
  | { readonly kind: 'refuse'; readonly reason: ReasonCode; readonly detail: string };

/** The approval that came with a payment; null where none did, or nobody could send it. */
export function approvalOf(sponsoring: Sponsoring | null): Approval | null {
  if (sponsoring?.kind !== 'erc20_approval') return null;
  const { signedTransaction: raw } = sponsoring;
  const read = readSignedTransaction(raw);
  // One that takes wei along would be given those too.
  if (read === undefined || read.value !== 0n || read.signer !== sponsoring.from) return null;
  const { hash, nonce, feePerGasMax, gasLimit } = read;
  return {
    raw,
    hash,
    nonce,
    feePerGasMax,
    cost: (gasLimit * feePerGasMax * (100n + costMarginPercent)) / 100n,
  };
}

const failed = (detail: string): ApprovalStep => ({
  kind: 'refuse',
  reason: 'erc20_approval_tx_failed',
  detail,
});
const notSent = (detail: string): ApprovalStep => ({
  kind: 'refuse',
  reason: 'erc20_approval_broadcast_failed',
  detail,
});

/** Pure, and the same again after whatever was done or lost: what is done is seen in the facts. */
export function nextStep(approval: Approval, facts: ApprovalFacts): ApprovalStep {
  const { standing, mined, topUp, fees, topUpMaxWei } = facts;
  if (mined === 'reverted') return failed('The approval was mined and reverted.');
  if (mined === 'success')
    return failed('The approval was mined, and Permit2 may still not take the amount.');
  if (approval.nonce < standing.nonce)
    return notSent(`The payer used nonce ${approval.nonce} for another transaction than the approval.`);
  if (approval.nonce > standing.nonce)
    return notSent(`The approval has nonce ${approval.nonce} and the payer's next is ${standing.nonce}.`);
  // It is cheaper than blocks are now: they may become cheaper in time.
  if (fees.baseFee !== null && approval.feePerGasMax < fees.baseFee) return { kind: 'wait' };
  if (standing.wei >= approval.cost) return { kind: 'broadcast' };
  if (topUp === 'outstanding') return { kind: 'wait' };
  if (topUp === 'mined') return notSent('The payer was given the gas for the approval and has it no more.');
  if (approval.cost > topUpMaxWei)
    return {
      kind: 'refuse',
      reason: 'erc20_approval_tx_too_expensive',
      detail: `The approval may cost ${approval.cost} wei, and ${topUpMaxWei} is what is paid for one.`,
    };
  return { kind: 'top_up', wei: approval.cost - standing.wei };
}
