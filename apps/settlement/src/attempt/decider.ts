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
import type { Hex } from '../payment/payment.js';
import { decideSubmit, type Estimate } from './estimate.js';
import { Sightings } from './sightings.js';
import { transferOf } from './transfer.js';
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
  readonly log: Log;
};

export type Decision =
  | { readonly kind: 'sign'; readonly paymentId: PaymentId; readonly gasLimit: bigint }
  | { readonly kind: 'defer'; readonly deferral: Deferral }
  | { readonly kind: 'conclude'; readonly finding: Finding };

type Refused = Extract<Finding, { readonly type: 'refused' }>;

const waitMaxMs = 60_000;

const cancelled = {
  reason: 'invalid_exact_evm_nonce_already_used',
  detail: 'The authorization is spent and no transfer used it: the payer cancelled it.',
  authorizationSpent: true,
} as const;

/** Asks the chain what to do with queued payments. */
export class Decider {
  private readonly refusals = new Sightings();
  private readonly emptySearches = new Sightings();

  constructor(private readonly options: DeciderOptions) {}

  /** Asks what a transfer would cost if `from` sent it by itself. */
  async alone(payment: QueuedPayment, nowSeconds: bigint, from: Hex): Promise<Decision> {
    return this.judge(
      payment,
      nowSeconds,
      await this.options.chain.estimateTransfer(transferOf(payment), from),
    );
  }

  /** What to do when the chain has said how the transfer would go. */
  async judge(payment: QueuedPayment, nowSeconds: bigint, estimate: Estimate): Promise<Decision> {
    const { paymentId } = payment;
    const decision = decideSubmit(payment, estimate, nowSeconds);
    if (decision.kind === 'refuse') return this.refuse(payment, decision);
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
    const { chain } = this.options;
    const spent = await chain.authorizationState(payment.asset, payment.payer, payment.nonce);
    const confirmed = spent ? null : await this.asOfConfirmed(payment);
    switch (decideOverdue(payment, { spent, confirmed })) {
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
  private async seenAtHead({ asset, payer, nonce }: QueuedPayment): Promise<'lagging' | 'spent' | 'unused'> {
    const { chain, follower } = this.options;
    const [{ number }, cursor] = await Promise.all([
      chain.latestBlock(),
      follower.cursor(chain.network.chainId),
    ]);
    if (cursor !== null && number < cursor.number) return 'lagging';
    const spent = await chain.spentNonces({ asset, authorizer: payer, nonces: [nonce], atBlock: number });
    return spent.length > 0 ? 'spent' : 'unused';
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
  private async asOfConfirmed({
    asset,
    payer,
    nonce,
    validBefore,
  }: QueuedPayment): Promise<AsOfBlock | null> {
    const { chain } = this.options;
    const head = await chain.latestBlock();
    const number = confirmedBlock(head.number, chain.network.confirmations);
    if (number < 0n) return null;
    const block = number === head.number ? head : await chain.block(number);
    if (block === null) return null;
    if (block.time < validBefore) return { time: block.time, spent: false };
    const spent = await chain.spentNonces({ asset, authorizer: payer, nonces: [nonce], atBlock: number });
    return { time: block.time, spent: spent.length > 0 };
  }

  /** The nonce is spent, not by anything of ours that is under way: somebody landed it, or the payer cancelled it. */
  private async findSpender(payment: QueuedPayment): Promise<Decision> {
    const { chain, follower } = this.options;
    const { paymentId, spentSeenAt, acceptedSeconds } = payment;
    const [spent, { number: head }] = await Promise.all([
      chain.authorizationState(payment.asset, payment.payer, payment.nonce),
      chain.latestBlock(),
    ]);
    if (!spent) return deferred(payment, backoffMs(payment.faults));
    const confirmed = confirmedBlock(head, chain.network.confirmations);
    const own = await this.ownUse(payment);
    const end: AuthorizationEnd | 'unknown' | null =
      own === null ? await findEnd(chain, payment, { head, acceptedSeconds }) : { how: 'used', log: own };
    if (end === 'unknown') return this.giveUpSearch(payment);
    if (end === null) return this.cancelledOrHidden(payment, { head, confirmed });
    this.emptySearches.forget(paymentId);
    if (end.log.blockNumber > confirmed)
      return deferred(payment, backoffMs(payment.faults), spentSeenAt ?? head);
    if (end.how === 'cancelled') {
      await blockAt(chain, end.log.blockNumber, end.log.blockHash);
      return refused(payment, cancelled);
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
    return refused(payment, cancelled);
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
