import { stepsOf, transactionCallOf } from '@quittance/chain';
import type { PaymentId } from '@quittance/protocol';

import { type AuthorizationEnd, blockAt, findEnd, findUseIn } from '../chain/log-search.js';
import type { AuthorizationLog, SettlementChain } from '../chain/settlement-chain.js';
import { confirmedBlock } from '../follower/block-range.js';
import type { FollowerRepository } from '../follower/follower.repository.js';
import { ChainSurvey } from '../follower/survey.js';
import { backoffMs } from '../loop/backoff.js';
import type { Log } from '../loop/wakeable.loop.js';
import type { Finding } from '../payment/finding.js';
import type { QueuedPayment } from '../payment/payment-row.js';
import type { Deferral } from '../payment/payment.repository.js';
import type { Hex, Payment } from '../payment/payment.js';
import type { Approver } from '../sponsoring/approver.js';
import type { TopUp } from '../sponsoring/top-up.js';
import { decideSubmit, type Estimate, isPlain, plainTransferGas } from './estimate.js';
import { Foresight } from './foresight.js';
import { hindranceOf } from './hindrance.js';
import { Sightings } from './sightings.js';
import { settlementOf } from './transfer.js';
import {
  type AsOfBlock,
  decideOverdue,
  emptySearchPauseMs,
  isCancelledSilently,
  isRefusedForGood,
  overduePauseMs,
  refusalPauseMs,
} from './verdict.js';

export type DeciderOptions = {
  readonly chain: SettlementChain;
  readonly follower: FollowerRepository;
  readonly approver: Pick<Approver, 'step'>;
  readonly log: Log;
};

export type Decision =
  | { readonly kind: 'sign'; readonly paymentId: PaymentId; readonly gasLimit: bigint }
  /** Before the payment, its payer is given the gas of an approval. */
  | { readonly kind: 'top_up'; readonly topUp: TopUp; readonly gasLimit: bigint }
  | { readonly kind: 'defer'; readonly deferral: Deferral }
  | { readonly kind: 'conclude'; readonly finding: Finding };

type Refused = Extract<Finding, { readonly type: 'refused' }>;

const waitMaxMs = 60_000;

/** Approvals take blocks: looked at again soon, and then less often. */
const approvalFirstPauseMs = 100;
const approvalPauseMaxMs = 500;
const approvalDoublingsMax = 3;

function cancelled({ method }: QueuedPayment) {
  return {
    reason: method === 'permit2' ? 'permit2_invalid_nonce' : 'invalid_exact_evm_nonce_already_used',
    detail: 'The authorization is spent and no transfer used it: the payer cancelled it.',
    authorizationSpent: true,
  } as const;
}

/** Asks the chain what to do with queued payments. */
export class Decider {
  private readonly refusals = new Sightings();
  private readonly emptySearches = new Sightings();
  private readonly foresight = new Foresight();

  constructor(private readonly options: DeciderOptions) {}

  /** Asks what a transfer would cost if `from` sent it by itself. */
  async alone(payment: QueuedPayment, nowSeconds: bigint, from: Hex): Promise<Decision> {
    return this.judge(payment, await this.estimate(payment, from), { nowSeconds, from });
  }

  /** Begins to ask what `alone` will ask, while the payment is on its way into the queue. */
  foresee(payment: Payment, from: Hex): void {
    const { chain } = this.options;
    if (!isPlain(payment)) return;
    const call = transactionCallOf(settlementOf(payment), chain.network.factories);
    this.foresight.begin(payment.paymentId, () => chain.goesThrough(call, from, plainTransferGas));
  }

  private async estimate(payment: QueuedPayment, from: Hex): Promise<Estimate> {
    const { chain } = this.options;
    if (await this.foresight.saysGo(payment.paymentId)) return { ok: true, gas: plainTransferGas };
    const { factories } = chain.network;
    const call = transactionCallOf(settlementOf(payment), factories);
    if (isPlain(payment) && (await chain.goesThrough(call, from, plainTransferGas)))
      return { ok: true, gas: plainTransferGas };
    const estimate = await chain.estimateCall(call, from);
    if (estimate.ok) return estimate;
    const steps = stepsOf(settlementOf(payment), factories);
    // Multicall3 does not say why a call within it failed.
    const revert = steps.length === 1 ? null : await chain.lastRevert(steps, from);
    return revert === null ? estimate : { ok: false, revert };
  }

  /**
   * What to do when the chain has said how the transfer would go.
   *
   * @param from Who would send it, where it is tried alone.
   */
  async judge(
    payment: QueuedPayment,
    estimate: Estimate,
    { nowSeconds, from }: { readonly nowSeconds: bigint; readonly from?: Hex },
  ): Promise<Decision> {
    const { paymentId } = payment;
    const decision = decideSubmit(payment, estimate, nowSeconds);
    if (decision.kind === 'refuse') return this.refuse(payment, decision);
    if (decision.kind === 'find_hindrance') return this.hindered(payment, decision.revert, from);
    this.refusals.forget(paymentId);
    switch (decision.kind) {
      case 'sign':
        return { kind: 'sign', paymentId, gasLimit: decision.gasLimit };
      case 'wait':
        return deferred(payment, Math.min(Number(decision.seconds) * 1_000, waitMaxMs));
      case 'find_spender':
        return this.findSpender(payment);
    }
  }

  /** What to do with a payment that is too late to sign. */
  async overdue(payment: QueuedPayment): Promise<Decision> {
    const spent = await this.isSpent(payment, 'latest');
    const confirmed = spent ? null : await this.asOfConfirmed(payment);
    switch (decideOverdue({ ...payment, validBefore: endOf(payment) }, { spent, confirmed })) {
      case 'find_spender':
        return this.findSpender(payment);
      case 'wait':
        return deferred(payment, overduePauseMs(payment.faults));
      case 'conclude':
        return this.concludeUnused(payment, {
          reason: 'payment_expired',
          detail:
            'validBefore passed before a transaction of ours was mined, and the authorization is unused.',
        });
    }
  }

  /** The token refused Permit2: it may take an approval that came with the payment, or never will take it. */
  private async hindered(payment: QueuedPayment, revert: string, from?: Hex): Promise<Decision> {
    const { chain, approver } = this.options;
    const hindrance = hindranceOf(payment, await chain.standing(payment.asset, payment.payer), revert);
    if (hindrance.kind === 'refused') return this.refuse(payment, hindrance);
    const step = from === undefined ? null : await approver.step(payment, from);
    if (step?.kind === 'refuse') return this.refuse(payment, step);
    this.refusals.forget(payment.paymentId);
    return step?.kind === 'top_up' ? step : deferred(payment, approvalPauseMs(payment.faults));
  }

  /** A node that lags refuses what another one would take: only refusals that go on are a verdict. */
  private async refuse(
    payment: QueuedPayment,
    { reason, detail }: Pick<Refused, 'reason' | 'detail'>,
  ): Promise<Decision> {
    const { paymentId } = payment;
    const sighting = this.refusals.see(paymentId, reason, performance.now());
    if (!isRefusedForGood(sighting)) return deferred(payment, refusalPauseMs);
    switch (await this.seenAtHead(payment)) {
      case 'lagging':
        return deferred(payment, refusalPauseMs);
      case 'spent':
        this.refusals.forget(paymentId);
        return this.findSpender(payment);
      case 'unused':
        this.refusals.forget(paymentId);
        return this.concludeUnused(payment, { reason, detail });
    }
  }

  /** What a node that is not behind what was already read says of the authorization, as of its very head. */
  private async seenAtHead(payment: QueuedPayment): Promise<'lagging' | 'spent' | 'unused'> {
    const { chain, follower } = this.options;
    const [{ number }, cursor] = await Promise.all([
      chain.latestBlock(),
      follower.cursor(chain.network.chainId),
    ]);
    if (cursor !== null && number < cursor.number) return 'lagging';
    return (await this.isSpent(payment, number)) ? 'spent' : 'unused';
  }

  /** The end of a payment whose authorization is unused, unless a receipt of ours says otherwise. */
  private async concludeUnused(
    payment: QueuedPayment,
    verdict: Pick<Refused, 'reason' | 'detail'>,
  ): Promise<Decision> {
    if ((await this.ownUse(payment)) !== null) return deferred(payment, backoffMs(payment.faults));
    return refused(payment, { ...verdict, authorizationSpent: false });
  }

  /** The log by which a transaction of ours landed the payment after all. */
  private async ownUse(payment: QueuedPayment): Promise<AuthorizationLog | null> {
    if (payment.attempts === 0) return null;
    const { chain, follower } = this.options;
    return findUseIn(chain, await follower.transactionsOf(payment.paymentId), payment);
  }

  /** Asked as of the very block, so that a node that lags behind it cannot answer. */
  private async asOfConfirmed(payment: QueuedPayment): Promise<AsOfBlock | null> {
    const { chain } = this.options;
    const head = await chain.latestBlock();
    const number = confirmedBlock(head.number, chain.network.confirmations);
    if (number < 0n) return null;
    const block = number === head.number ? head : await chain.block(number);
    if (block === null) return null;
    if (block.time < endOf(payment)) return { time: block.time, spent: false };
    return { time: block.time, spent: await this.isSpent(payment, number) };
  }

  private async isSpent(payment: QueuedPayment, at: bigint | 'latest'): Promise<boolean> {
    const [spent] = await this.options.chain.spentOf([payment], at);
    return spent === true;
  }

  /** The nonce is spent, not by anything of ours that is under way: somebody landed it, or the payer cancelled it. */
  private async findSpender(payment: QueuedPayment): Promise<Decision> {
    const { chain, follower } = this.options;
    const { paymentId, spentSeenAt, acceptedSeconds } = payment;
    const [spent, { number: head }] = await Promise.all([
      this.isSpent(payment, 'latest'),
      chain.latestBlock(),
    ]);
    if (!spent) return deferred(payment, backoffMs(payment.faults));
    const confirmed = confirmedBlock(head, chain.network.confirmations);
    const own = await this.ownUse(payment);
    const end: AuthorizationEnd | 'unknown' | null =
      own === null
        ? await findEnd(chain, payment, { head, acceptedSeconds, isTaken: follower.takenFrom(payment) })
        : { how: 'used', log: own };
    if (end === 'unknown') return this.giveUpSearch(payment);
    if (end === null) return this.cancelledOrHidden(payment, { head, confirmed });
    this.emptySearches.forget(paymentId);
    if (end.log.blockNumber > confirmed)
      return deferred(payment, backoffMs(payment.faults), spentSeenAt ?? head);
    if (end.how === 'cancelled') {
      await blockAt(chain, end.log.blockNumber, end.log.blockHash);
      return refused(payment, cancelled(payment));
    }
    const matched = await follower.match(chain.network.chainId, [end.log]);
    const [finding] = await new ChainSurvey(chain).landed(matched);
    return finding === undefined
      ? deferred(payment, backoffMs(payment.faults), spentSeenAt ?? head)
      : { kind: 'conclude', finding };
  }

  private cancelledOrHidden(
    payment: QueuedPayment,
    { head, confirmed }: { readonly head: bigint; readonly confirmed: bigint },
  ): Decision {
    const sighting = this.emptySearches.see(payment.paymentId, 'no log', performance.now());
    const spentSeenAt = payment.spentSeenAt ?? head;
    if (!isCancelledSilently({ confirmed, spentSeenAt, sighting }))
      return deferred(payment, emptySearchPauseMs(sighting), spentSeenAt);
    this.emptySearches.forget(payment.paymentId);
    return refused(payment, cancelled(payment));
  }

  private giveUpSearch(payment: QueuedPayment): Decision {
    const { chain, log } = this.options;
    log.error(
      { chainId: chain.network.chainId, paymentId: payment.paymentId },
      'an authorization is spent, and what spent it is too long ago to be searched for; will be searched for again',
    );
    return deferred(payment, waitMaxMs);
  }
}

/** Leaves a payment alone for a while. */
export function deferred(
  { paymentId }: QueuedPayment,
  delayMs: number,
  spentSeenAt: bigint | null = null,
): Decision {
  return { kind: 'defer', deferral: { paymentId, delayMs, spentSeenAt } };
}

function refused(
  { paymentId }: QueuedPayment,
  verdict: Pick<Refused, 'reason' | 'detail' | 'authorizationSpent'>,
): Decision {
  return { kind: 'conclude', finding: { type: 'refused', paymentId, ...verdict } };
}

/** From when on no block can hold it: a permit is valid at its deadline too. */
function endOf({ method, validBefore }: QueuedPayment): bigint {
  return method === 'permit2' ? validBefore + 1n : validBefore;
}

function approvalPauseMs(faults: number): number {
  return Math.min(approvalFirstPauseMs * 2 ** Math.min(faults, approvalDoublingsMax), approvalPauseMaxMs);
}
