import type { Relayer } from '@quittance/chain';
import type { PaymentId } from '@quittance/protocol';

import type { SettlementChain } from '../chain/settlement-chain.js';
import type { FollowerRepository } from '../follower/follower.repository.js';
import { backoffMs } from '../loop/backoff.js';
import { type Log, WakeableLoop } from '../loop/wakeable.loop.js';
import type { OutcomeRepository } from '../payment/outcome.repository.js';
import type { QueuedPayment } from '../payment/payment-row.js';
import type { PaymentRepository } from '../payment/payment.repository.js';
import type { AttemptRepository } from './attempt.repository.js';
import type { Attempt } from './attempt.js';
import { Decider, type Decision, deferred } from './decider.js';
import { signAttempt } from './signer.js';
import { isOverdue, overduePauseMs, validityMarginSeconds } from './verdict.js';

export type SubmitterOptions = {
  readonly chain: SettlementChain;
  readonly relayer: Pick<Relayer, 'address' | 'signTransfer'>;
  readonly payments: PaymentRepository;
  readonly attempts: AttemptRepository;
  readonly outcomes: OutcomeRepository;
  readonly follower: FollowerRepository;
  readonly log: Log;
  readonly onSigned: (attempts: readonly Attempt[]) => void;
};

/** Payments estimated and signed together. */
const batchMax = 32;
/** Overdue payments looked at in one round, besides those. */
const overdueMax = 8;
/** Transactions signed and not yet mined, on one chain. */
const outstandingMax = 256;
/** The queue is looked at this often even if nobody wakes the submitter: another process may have taken the event in. */
const queuePollIntervalMs = 250;

/** Takes queued payments of one chain to stored, signed transactions. */
export class Submitter {
  private readonly loop: WakeableLoop;
  private readonly decider: Decider;

  constructor(private readonly options: SubmitterOptions) {
    this.decider = new Decider(options);
    this.loop = new WakeableLoop({
      name: `submit ${options.chain.network.chainId}`,
      log: options.log,
      step: () => this.step(),
    });
  }

  start(): void {
    this.loop.start();
  }

  wake(): void {
    this.loop.wake();
  }

  close(): Promise<void> {
    return this.loop.close();
  }

  /** Does one batch; gives the milliseconds until it is worth looking again. */
  async step(): Promise<number> {
    const { chain, payments, outcomes, relayer } = this.options;
    const nowSeconds = BigInt(Math.floor(Date.now() / 1_000));
    const queued = await payments.queued({
      chainId: chain.network.chainId,
      validAtSeconds: nowSeconds + validityMarginSeconds,
      limit: batchMax,
      overdueMax,
      outstandingMax,
    });
    if (queued.length === 0) return queuePollIntervalMs;
    const [fees, chainNonce, decisions] = await Promise.all([
      chain.fees(),
      chain.transactionCount(relayer.address, 'latest'),
      this.decideAll(queued, nowSeconds),
    ]);
    await payments.defer(
      decisions.flatMap((decision) => (decision.kind === 'defer' ? [decision.deferral] : [])),
    );
    await outcomes.apply(
      decisions.flatMap((decision) => (decision.kind === 'conclude' ? [decision.finding] : [])),
    );
    const toSign = decisions.flatMap((decision) => (decision.kind === 'sign' ? [decision] : []));
    const signed = toSign.length === 0 ? [] : await this.sign(toSign, chainNonce, fees);
    // Payments that another process has claimed are its to sign: no reason to look again at once.
    return toSign.length > 0 && signed.length === 0 ? queuePollIntervalMs : 0;
  }

  private async sign(
    toSign: readonly { readonly paymentId: PaymentId; readonly gasLimit: bigint }[],
    chainNonce: bigint,
    fees: { readonly maxFeePerGas: bigint; readonly maxPriorityFeePerGas: bigint },
  ): Promise<readonly Attempt[]> {
    const { chain, relayer, attempts, onSigned } = this.options;
    const signed = await attempts.submit({
      chainId: chain.network.chainId,
      relayer: relayer.address,
      chainNonce,
      gasLimits: new Map(toSign.map(({ paymentId, gasLimit }) => [paymentId, gasLimit])),
      sign: (request) => signAttempt(relayer, request, fees),
    });
    if (signed.length > 0) onSigned(signed);
    return signed;
  }

  /**
   * One payment that the node cannot answer for must not hold up the others; when it answers for none, the chain is
   * down. Overdue payments wait on their own and are no reason to make the loop wait.
   */
  private async decideAll(
    queued: readonly QueuedPayment[],
    nowSeconds: bigint,
  ): Promise<readonly Decision[]> {
    const settled = await Promise.allSettled(
      queued.map((payment) => this.decider.decide(payment, nowSeconds)),
    );
    const faults = settled.filter((result) => result.status === 'rejected');
    const allOverdue = queued.every((payment) => isOverdue(payment, nowSeconds));
    if (faults.length === settled.length && faults[0] !== undefined && !allOverdue) throw faults[0].reason;
    return settled.flatMap((result, index) => {
      const payment = queued[index];
      if (payment === undefined) return [];
      if (result.status === 'fulfilled') return [result.value];
      this.options.log.warn(
        { err: result.reason, paymentId: payment.paymentId },
        'a payment could not be estimated, trying again',
      );
      const pauseMs = isOverdue(payment, nowSeconds) ? overduePauseMs : backoffMs;
      return [deferred(payment, pauseMs(payment.faults))];
    });
  }
}
