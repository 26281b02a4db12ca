import type { Fees } from '@quittance/chain';
import { crashPoint } from '@quittance/observability';

import { Decider, type Decision, deferred } from '../attempt/decider.js';
import { overduePauseMs, validityMarginSeconds } from '../attempt/verdict.js';
import type { SettlementChain } from '../chain/settlement-chain.js';
import type { FollowerRepository } from '../follower/follower.repository.js';
import { type Log, WakeableLoop } from '../loop/wakeable.loop.js';
import type { Outcome } from '../payment/outcome.js';
import type { OutcomeRepository } from '../payment/outcome.repository.js';
import type { QueuedPayment } from '../payment/payment-row.js';
import type { PaymentRepository, ReadyPayment } from '../payment/payment.repository.js';
import type { Hex, Payment } from '../payment/payment.js';
import { LeaseLostError } from '../relayer/lease-lost.error.js';
import type { LeasedRelayer } from '../relayer/lease.js';
import type { Leases } from '../relayer/lease.loop.js';
import type { Approver } from '../sponsoring/approver.js';
import type { NonceWatch } from '../relayer/nonce.loop.js';
import { takeTurns } from '../relayer/turn.js';
import type { BatchRepository } from './batch.repository.js';
import type { Slot, StoredBatch } from './batch.js';
import { Doubts } from './doubts.js';
import { companyMemoryMs, gatherPauseMs, returnMs } from './gather.js';
import { type Pack, pack } from './pack.js';
import { KnownPayees } from './payees.js';
import type { PriceGate } from './price-gate.js';
import { type Candidate, candidateOf, type Plan, Trial, type Tried } from './trial.js';

export type SubmitterOptions = {
  readonly chain: SettlementChain;
  readonly leases: Pick<Leases, 'held' | 'forget'>;
  readonly nonces: Pick<NonceWatch, 'countOf' | 'gapsOf'>;
  readonly prices: PriceGate;
  readonly payments: PaymentRepository;
  readonly batches: BatchRepository;
  readonly outcomes: OutcomeRepository;
  readonly follower: FollowerRepository;
  readonly approver: Pick<Approver, 'step'>;
  readonly log: Log;
  /** Whether a relayer has what its transactions may cost. */
  readonly canPay: (relayer: Hex) => boolean;
  readonly onSigned: (batch: StoredBatch) => void;
};

/** Payments looked at in one step. */
const queueReadMax = 1_000;
/** Overdue payments looked at in one step, besides those. */
const overdueMax = 8;
/** Batches signed in one step. */
const batchesMax = 4;
/** The queue is looked at this often even if nobody wakes the submitter: another process may have taken the event in. */
const queuePollIntervalMs = 250;
/** How often a price above the cap is looked at. */
const pricePollIntervalMs = 2_000;

/** Takes queued payments of one chain to stored, signed batches. */
export class Submitter {
  private readonly loop: WakeableLoop;
  private readonly decider: Decider;
  private readonly trial: Trial;
  private readonly doubts = new Doubts();
  private readonly payees = new KnownPayees();
  private head: bigint | null = null;
  private oneEnded = false;
  private gatheringUntilMs = -Infinity;
  private signedTogether = { atMs: -Infinity, payments: 1 };
  private gathered = 0;
  private crowd = { endedAtMs: -Infinity, payments: 1 };

  constructor(private readonly options: SubmitterOptions) {
    this.decider = new Decider(options);
    this.trial = new Trial({ ...options, decider: this.decider, doubts: this.doubts });
    this.loop = new WakeableLoop({
      name: `submit ${options.chain.network.chainId}`,
      log: options.log,
      step: () => this.step(),
    });
  }

  start(): void {
    this.loop.start();
  }

  /** There is something new in the queue. Payments that gather are not disturbed by one more. */
  wake(): void {
    if (performance.now() >= this.gatheringUntilMs) this.loop.wake();
  }

  /** A payment is on its way into the queue. One that will go alone can be tried meanwhile. */
  foresee(payment: Payment): void {
    const [signer] = this.signers();
    if (signer !== undefined && this.company() === 1) this.decider.foresee(payment, signer.relayer.address);
  }

  noteHead(head: bigint): void {
    this.head = head;
  }

  /** Payments have moved: there may be room, and something to sign again. */
  noteOutcomes(outcomes: readonly Outcome[]): void {
    for (const { watched } of outcomes) {
      if (watched.standing.state === 'confirmed') this.payees.note(watched.payment);
    }
    this.oneEnded = true;
    this.crowd = { endedAtMs: performance.now(), payments: this.gathered + outcomes.length };
    this.gatheringUntilMs = -Infinity;
    this.loop.wake();
  }

  close(): Promise<void> {
    return this.loop.close();
  }

  /** Looks at the queue once; gives the milliseconds until it is worth looking again. */
  async step(): Promise<number> {
    const { chain, payments, batches, prices } = this.options;
    const { chainId } = chain.network;
    this.gatheringUntilMs = -Infinity;
    const nowSeconds = BigInt(Math.floor(Date.now() / 1_000));
    const [{ ready, overdue }, slots] = await Promise.all([
      payments.queued({
        chainId,
        validAtSeconds: nowSeconds + validityMarginSeconds,
        limit: queueReadMax,
        overdueMax,
        relayers: this.signers().map(({ relayer }) => relayer.address),
      }),
      batches.onTheirWay(chainId),
      prices.check(),
    ]);
    if (overdue.length > 0) await this.settleOverdue(overdue);
    if (ready.length === 0) return overdue.length > 0 ? 0 : queuePollIntervalMs;
    if (prices.isAbove) return pricePollIntervalMs;
    return this.submit(ready, this.minedLeftOut(slots), nowSeconds);
  }

  private async submit(
    ready: readonly ReadyPayment[],
    slots: readonly Slot[],
    nowSeconds: bigint,
  ): Promise<number> {
    const pauseMs = gatherPauseMs({
      ready: ready.length,
      oldestWaitedMs: ready.reduce((most, { waitedMs }) => Math.max(most, waitedMs), 0),
      onTheirWay: slots.length,
      oneEnded: this.oneEnded,
      company: this.company(),
      crowd: this.crowd.payments,
      sinceEndMs: performance.now() - this.crowd.endedAtMs,
    });
    this.gathered = pauseMs > 0 ? ready.length : 0;
    // Those that go alone have nobody to wait for.
    const due = pauseMs > 0 ? ready.filter(({ batchLimit }) => batchLimit === 1) : ready;
    if (due.length === 0) {
      // Those who may complete a company are worth a look each.
      if (pauseMs > returnMs) this.gatheringUntilMs = performance.now() + pauseMs;
      return pauseMs;
    }
    const plans = this.plans(due, slots);
    if (plans.length === 0) return queuePollIntervalMs;
    const [fees, tried] = await Promise.all([this.options.prices.fees(), this.trial.run(plans, nowSeconds)]);
    await this.settle(tried.flatMap(({ others }) => others));
    if (fees === 'above_cap') return pricePollIntervalMs;
    const toSign = tried.filter((one) => one.toSign.length > 0 || one.topUp !== null);
    let signed = 0;
    this.signedTogether = {
      atMs: performance.now(),
      payments: toSign.reduce((sum, one) => sum + one.toSign.length, 0),
    };
    for (const one of toSign) signed += (await this.sign(one, fees)) ? 1 : 0;
    // Payments that another process has claimed are its to sign: no reason to look again at once.
    return toSign.length > 0 && signed === 0 ? queuePollIntervalMs : 0;
  }

  /** Payments that were signed together just now. */
  private company(): number {
    const { atMs, payments } = this.signedTogether;
    return performance.now() - atMs < companyMemoryMs ? payments : 1;
  }

  private plans(ready: readonly ReadyPayment[], slots: readonly Slot[]): Plan[] {
    const load = new Map<Hex, number>();
    for (const { relayer } of slots) load.set(relayer, (load.get(relayer) ?? 0) + 1);
    const plans: Plan[] = [];
    // Those that only one relayer may send are for that one, the others for any.
    for (const [facilitator, group] of Map.groupBy(ready, (payment) => payment.facilitator)) {
      const signers = this.signers().filter(({ relayer }) => [null, relayer.address].includes(facilitator));
      const turns = takeTurns(signers, load, batchesMax - plans.length);
      const packs = turns.length === 0 ? [] : this.packed(group, turns.length);
      for (const [index, one] of packs.entries()) {
        const signer = turns[index];
        if (signer === undefined) continue;
        plans.push({ signer, pack: one });
        load.set(signer.relayer.address, (load.get(signer.relayer.address) ?? 0) + 1);
      }
    }
    return plans;
  }

  private packed(ready: readonly ReadyPayment[], batchesAtMost: number): Pack<Candidate>[] {
    return pack(
      ready.map((payment) => candidateOf(payment, this.doubts)),
      { batchesMax: batchesAtMost, payeeHolds: (payment) => this.payees.has(payment) },
    );
  }

  private signers(): readonly LeasedRelayer[] {
    const { leases, canPay } = this.options;
    return leases.held().filter(({ relayer }) => canPay(relayer.address));
  }

  /** Uses up the lowest nonce of a relayer that holds up later ones, with a transaction that does nothing. */
  async fill(signer: LeasedRelayer): Promise<void> {
    const fees = await this.options.prices.fees();
    if (fees !== 'above_cap') await this.sign({ signer, toSign: [], gasLimit: 0n, topUp: null }, fees);
  }

  private async sign(tried: Omit<Tried, 'others'>, fees: Fees): Promise<boolean> {
    const { chain, batches, leases, nonces, log, onSigned } = this.options;
    const { signer, toSign: paymentIds, gasLimit, topUp } = tried;
    this.head ??= (await chain.latestBlock()).number;
    try {
      const stored = await batches.sign({
        chainId: chain.network.chainId,
        signer,
        paymentIds,
        topUp,
        factories: chain.network.factories,
        gasLimit,
        fees,
        head: this.head,
        gaps: nonces.gapsOf(signer.relayer.address),
      });
      if (stored === null) return false;
      crashPoint('settlement.stored');
      this.oneEnded = false;
      onSigned(stored);
      return true;
    } catch (error) {
      if (!(error instanceof LeaseLostError)) throw error;
      log.warn({ err: error, chainId: chain.network.chainId }, 'nothing was signed with a lost lease');
      leases.forget(signer);
      return false;
    }
  }

  /** What is in a block waits for its depth, and neither for room nor in nodes' pools. */
  private minedLeftOut(slots: readonly Slot[]): Slot[] {
    return slots.filter(({ relayer, nonce }) => nonce >= this.options.nonces.countOf(relayer));
  }

  /** Overdue payments wait on their own and are no reason to make the loop wait. */
  private async settleOverdue(overdue: readonly QueuedPayment[]): Promise<void> {
    const settled = await Promise.allSettled(overdue.map((payment) => this.decider.overdue(payment)));
    const decisions = settled.flatMap((result, index): Decision[] => {
      const payment = overdue[index];
      if (payment === undefined) return [];
      if (result.status === 'fulfilled') return [result.value];
      this.options.log.warn(
        { err: result.reason, paymentId: payment.paymentId },
        'an overdue payment could not be looked at, trying again',
      );
      return [deferred(payment, overduePauseMs(payment.faults))];
    });
    await this.settle(decisions);
  }

  private async settle(decisions: readonly Decision[]): Promise<void> {
    const { payments, outcomes } = this.options;
    const findings = decisions.flatMap((decision) =>
      decision.kind === 'conclude' ? [decision.finding] : [],
    );
    const applied = new Set((await outcomes.apply(findings)).map(({ watched }) => watched.payment.paymentId));
    // What the follower has to read first comes from there by itself; until then there is no use in asking again.
    const early = findings.filter(({ paymentId }) => !applied.has(paymentId));
    await payments.defer([
      ...decisions.flatMap((decision) => (decision.kind === 'defer' ? [decision.deferral] : [])),
      ...early.map(({ paymentId }) => ({ paymentId, delayMs: queuePollIntervalMs, spentSeenAt: null })),
    ]);
  }
}
