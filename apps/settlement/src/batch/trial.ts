import { settlementCallOf } from '@quittance/exact-evm';
import type { PaymentId } from '@quittance/protocol';

import type { Decider, Decision } from '../attempt/decider.js';
import { deferred } from '../attempt/decider.js';
import { settlementOf, transferOf } from '../attempt/transfer.js';
import type { SettlementChain } from '../chain/settlement-chain.js';
import { backoffMs } from '../loop/backoff.js';
import type { Log } from '../loop/wakeable.loop.js';
import type { ReadyPayment } from '../payment/payment.repository.js';
import type { Hex } from '../payment/payment.js';
import type { LeasedRelayer } from '../relayer/lease.js';
import type { TopUp } from '../sponsoring/top-up.js';
import type { Doubts } from './doubts.js';
import { batchGasLimit } from './gas.js';
import type { Pack } from './pack.js';

/** A payment that waits to be packed. */
export type Candidate = ReadyPayment & { readonly calldata: Hex };

export function candidateOf(payment: ReadyPayment, doubts: Doubts): Candidate {
  return {
    ...payment,
    batchLimit: Math.min(payment.batchLimit, doubts.limitOf(payment.paymentId)),
    calldata: settlementCallOf(settlementOf(payment)).data,
  };
}

export type Plan = { readonly signer: LeasedRelayer; readonly pack: Pack<Candidate> };

/** What is left of a plan after the chain was asked: what to sign, in order, and what to do with the others. */
export type Tried = {
  readonly signer: LeasedRelayer;
  readonly toSign: readonly PaymentId[];
  readonly gasLimit: bigint;
  /** What to give a payer before its payment is signed, instead of anything else. */
  readonly topUp: TopUp | null;
  readonly others: readonly Exclude<Decision, { readonly kind: 'sign' | 'top_up' }>[];
};

export type TrialOptions = {
  readonly chain: Pick<SettlementChain, 'network' | 'ping' | 'simulateBatch'>;
  readonly decider: Pick<Decider, 'alone' | 'judge'>;
  readonly doubts: Doubts;
  readonly log: Log;
};

/** Asks the chain how planned batches would go, exactly as they would be signed. */
export class Trial {
  constructor(private readonly options: TrialOptions) {}

  /**
   * Tries all plans at once. One that the node cannot answer for must not hold up the others.
   *
   * @throws ChainUnavailableError when the node answers for nothing at all.
   */
  async run(plans: readonly Plan[], nowSeconds: bigint): Promise<readonly Tried[]> {
    const settled = await Promise.allSettled(
      plans.map((plan) =>
        plan.pack.members.length === 1 ? this.single(plan, nowSeconds) : this.batch(plan, nowSeconds),
      ),
    );
    const faults = settled.filter((result) => result.status === 'rejected');
    if (faults.length === settled.length) await this.options.chain.ping();
    return settled.flatMap((result, index) => {
      const plan = plans[index];
      if (plan === undefined) return [];
      return [result.status === 'fulfilled' ? result.value : this.untried(plan, result.reason)];
    });
  }

  private async single({ signer, pack }: Plan, nowSeconds: bigint): Promise<Tried> {
    const { decider } = this.options;
    const decisions = await Promise.all(
      pack.members.map((payment) => decider.alone(payment, nowSeconds, signer.relayer.address)),
    );
    const [decision] = decisions;
    return {
      signer,
      toSign: decision?.kind === 'sign' ? [decision.paymentId] : [],
      gasLimit: decision?.kind === 'sign' || decision?.kind === 'top_up' ? decision.gasLimit : 0n,
      topUp: decision?.kind === 'top_up' ? decision.topUp : null,
      others: othersOf(decisions),
    };
  }

  private async batch({ signer, pack }: Plan, nowSeconds: bigint): Promise<Tried> {
    const { chain, decider, doubts } = this.options;
    const { members, gas } = pack;
    const simulated = await chain.simulateBatch({
      asset: pack.asset,
      members: members.map(transferOf),
      from: signer.relayer.address,
      gasLimit: batchGasLimit(gas),
    });
    if ('reverted' in simulated) return this.divided({ signer, pack }, simulated.reverted);
    const decisions = await Promise.all(
      members.map(async (payment, index) => {
        const result = simulated.results[index];
        if (result === undefined || (!result.ok && result.revert === '')) {
          // Out of gas, or a token that gives no reasons: by itself it will show.
          doubts.raise([payment.paymentId], 1);
          return null;
        }
        return decider.judge(payment, result.ok ? { ok: true, gas: 0n } : result, { nowSeconds });
      }),
    );
    const kept = decisions.flatMap((decision, index) => (decision?.kind === 'sign' ? [index] : []));
    return {
      signer,
      toSign: kept.flatMap((index) => members[index]?.paymentId ?? []),
      gasLimit: batchGasLimit(kept.map((index) => gas[index] ?? 0n)),
      topUp: null,
      others: othersOf(decisions),
    };
  }

  /** All of it would fail: halves are tried next, and so on down to the one that makes it fail. */
  private divided({ signer, pack }: Plan, revert: string): Tried {
    const { chain, doubts, log } = this.options;
    const { members } = pack;
    const size = members.length;
    log.warn(
      { chainId: chain.network.chainId, size, revert },
      'a batch would revert as a whole and is divided',
    );
    doubts.raise(
      members.map(({ paymentId }) => paymentId),
      Math.ceil(size / 2),
    );
    return { signer, toSign: [], gasLimit: 0n, topUp: null, others: [] };
  }

  /** The node is there and cannot say: one of them may be why, or that they are so many. */
  private untried({ signer, pack }: Plan, reason: unknown): Tried {
    const { chain, doubts, log } = this.options;
    const { members } = pack;
    log.warn(
      { err: reason, chainId: chain.network.chainId, size: members.length },
      'payments could not be tried, trying again with fewer at a time',
    );
    doubts.raise(
      members.map(({ paymentId }) => paymentId),
      Math.ceil(members.length / 2),
    );
    const others = members.map((payment) => deferred(payment, backoffMs(payment.faults)));
    return { signer, toSign: [], gasLimit: 0n, topUp: null, others: othersOf(others) };
  }
}

function othersOf(decisions: readonly (Decision | null)[]): Tried['others'] {
  return decisions.flatMap((decision) =>
    decision === null || decision.kind === 'sign' || decision.kind === 'top_up' ? [] : [decision],
  );
}
