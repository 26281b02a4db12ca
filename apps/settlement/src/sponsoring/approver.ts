import type { ReasonCode } from '@quittance/protocol';

import { gasLimitWithMargin } from '../attempt/estimate.js';
import { revertDetail } from '../attempt/revert.js';
import type { FeeBook } from '../batch/fee-book.js';
import type { SettlementChain } from '../chain/settlement-chain.js';
import type { QueuedPayment } from '../payment/payment-row.js';
import type { Hex } from '../payment/payment.js';
import { type Approval, approvalOf, nextStep } from './approval.js';
import type { TopUpRepository } from './top-up.repository.js';
import { type TopUp, topUpGasMax } from './top-up.js';

export type ApproverOptions = {
  readonly chain: Pick<SettlementChain, 'network' | 'receipt' | 'broadcast' | 'estimateCall' | 'standing'>;
  readonly fees: Pick<FeeBook, 'uncapped'>;
  readonly topUps: Pick<TopUpRepository, 'stateOf'>;
};

/** What came of a step towards an approval. */
export type Approving =
  /** On its way: to be looked at again. */
  | { readonly kind: 'under_way' }
  | { readonly kind: 'top_up'; readonly topUp: TopUp; readonly gasLimit: bigint }
  | { readonly kind: 'refuse'; readonly reason: ReasonCode; readonly detail: string };

/**
 * Puts a payer's approval of Permit2 on chain before the payment: the payer is given what gas it lacks, by a stored
 * transaction, and the payer's own transaction, which came with the payment and is stored with it, is broadcast as often
 * as it takes. Nothing is remembered between two steps, so that a crash between them loses nothing.
 */
export class Approver {
  constructor(private readonly options: ApproverOptions) {}

  /** @param from The relayer that would pay. */
  async step(payment: QueuedPayment, from: Hex): Promise<Approving> {
    const approval = approvalOf(payment.sponsoring);
    if (approval === null) {
      const detail =
        'The approval that came with the payment is no transaction of the payer that can be sent.';
      return { kind: 'refuse', reason: 'erc20_approval_tx_parse_failed', detail };
    }
    const step = nextStep(approval, await this.facts(payment, approval));
    switch (step.kind) {
      case 'refuse':
        return step;
      case 'wait':
        return { kind: 'under_way' };
      case 'broadcast':
        return this.broadcast(approval);
      case 'top_up':
        return this.topUp({ paymentId: payment.paymentId, account: payment.payer, wei: step.wei }, from);
    }
  }

  private async facts({ paymentId, asset, payer }: QueuedPayment, { hash }: Approval) {
    const { chain, fees, topUps } = this.options;
    // In this order: what is mined between two questions must not look as if it never was.
    const topUp = await topUps.stateOf(paymentId);
    const [standing, receipt, price] = await Promise.all([
      chain.standing(asset, payer),
      chain.receipt(hash),
      fees.uncapped(),
    ]);
    const topUpMaxWei = chain.network.approvalGasMaxWei;
    return { standing, mined: receipt?.status ?? null, topUp, fees: price, topUpMaxWei };
  }

  private async broadcast({ raw }: Approval): Promise<Approving> {
    const sent = await this.options.chain.broadcast(raw);
    if (sent.outcome !== 'refused') return { kind: 'under_way' };
    const detail = revertDetail('The node refused the approval: ', sent.detail);
    return { kind: 'refuse', reason: 'erc20_approval_broadcast_failed', detail };
  }

  private async topUp(topUp: TopUp, from: Hex): Promise<Approving> {
    const call = { to: topUp.account, data: '0x' } as const;
    const estimate = await this.options.chain.estimateCall(call, from, topUp.wei);
    // Nodes say no for the payer's code as for a relayer that has not so much: the latter is no verdict on the payment.
    if (!estimate.ok || estimate.gas > topUpGasMax) return { kind: 'under_way' };
    return { kind: 'top_up', topUp, gasLimit: gasLimitWithMargin(estimate.gas) };
  }
}
