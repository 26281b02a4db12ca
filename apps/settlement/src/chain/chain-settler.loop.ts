import type { Fees, Relayer } from '@quittance/chain';
import type { Database } from '@quittance/database';

import { BatchRepository } from '../batch/batch.repository.js';
import { Broadcaster } from '../batch/broadcast.loop.js';
import type { StoredBatch } from '../batch/batch.js';
import { FeeBook } from '../batch/fee-book.js';
import { PriceGate } from '../batch/price-gate.js';
import { Replacer } from '../batch/replace.loop.js';
import { ReplaceRepository } from '../batch/replace.repository.js';
import { ResendRepository } from '../batch/resend.repository.js';
import { Submitter } from '../batch/submit.loop.js';
import { Follower } from '../follower/follow.loop.js';
import { FollowerRepository } from '../follower/follower.repository.js';
import { OpenPermitRepository } from '../follower/open-permit.repository.js';
import { OpenPermits } from '../follower/open-permits.loop.js';
import { ReorgRepository } from '../follower/reorg.repository.js';
import { type Log, WakeableLoop } from '../loop/wakeable.loop.js';
import type { Outcome } from '../payment/outcome.js';
import { OutcomeRepository } from '../payment/outcome.repository.js';
import { PaymentRepository } from '../payment/payment.repository.js';
import type { Payment } from '../payment/payment.js';
import { type HolderPresence, Leases } from '../relayer/lease.loop.js';
import { NonceWatch } from '../relayer/nonce.loop.js';
import { RelayerRepository } from '../relayer/relayer.repository.js';
import { Approver } from '../sponsoring/approver.js';
import { TopUpRepository } from '../sponsoring/top-up.repository.js';
import { ChainStatusRepository } from '../treasury/chain-status.repository.js';
import { SpendRepository } from '../treasury/spend.repository.js';
import { Suspension } from '../treasury/suspension.loop.js';
import { type RelayerFunds, Treasury } from '../treasury/treasury.loop.js';
import { EndpointWatch } from './endpoint-watch.loop.js';
import { ChainUncheckedError } from './chain-unchecked.error.js';
import type { SettlementChain } from './settlement-chain.js';

/** What others want to know of settling as it happens. */
export type SettlerHooks = {
  readonly onSigned: (batch: StoredBatch) => void;
  readonly onReplaced: () => void;
  /** A transaction is not mined and must not be offered more. */
  readonly onStuck: () => void;
  readonly onOutcomes: (outcomes: readonly Outcome[]) => void;
  readonly onReorg: () => void;
};

/** How one chain stands, as far as this process knows. */
export type ChainFigures = {
  readonly head: bigint | null;
  /** What a unit of gas costs now, null before that is known. */
  readonly gasPriceWei: bigint | null;
  readonly relayers: readonly RelayerFunds[];
  readonly endpoints: ReturnType<SettlementChain['endpointsHealth']>;
};

export type ChainSettlerOptions = {
  readonly chain: SettlementChain;
  /** Keys that this process was given, for this chain and others. */
  readonly relayers: readonly Pick<Relayer, 'address' | 'sign'>[];
  readonly database: Database;
  readonly log: Log;
  readonly presenceOf?: (holder: string) => HolderPresence;
  readonly hooks?: Partial<SettlerHooks>;
};

const identityRetryMs = 5_000;
const never = 2 ** 31 - 1;

/**
 * Everything that settles on one chain. Nothing is signed, sent or read until the node has said that it is the chain
 * that was configured.
 */
export class ChainSettler {
  private readonly leases: Leases;
  private readonly nonces: NonceWatch;
  private readonly submitter: Submitter;
  private readonly broadcaster: Broadcaster;
  private readonly replacer: Replacer;
  private readonly follower: Follower;
  private readonly openPermits: OpenPermits;
  private readonly suspension: Suspension;
  private readonly treasury: Treasury;
  private readonly fees: FeeBook;
  private readonly endpoints: EndpointWatch;
  private readonly identity: WakeableLoop;
  private head: bigint | null = null;
  private checked = false;

  constructor(private readonly options: ChainSettlerOptions) {
    const { chain, log } = options;
    const fees = new FeeBook(chain);
    this.fees = fees;
    this.endpoints = new EndpointWatch({ chain, log });
    this.suspension = this.createSuspension();
    this.treasury = this.createTreasury();
    this.follower = this.createFollower(fees);
    this.openPermits = this.createOpenPermits();
    this.leases = this.createLeases();
    this.broadcaster = this.createBroadcaster();
    this.nonces = this.createNonceWatch();
    this.submitter = this.createSubmitter(fees);
    this.replacer = this.createReplacer(fees);
    this.identity = new WakeableLoop({
      name: `identity ${chain.network.chainId}`,
      log,
      step: () => this.checkIdentity(),
    });
  }

  /** Returns at once; what is not reachable yet is tried until it is. */
  start(): void {
    this.identity.start();
  }

  /** There is something new in the queue. */
  wake(): void {
    this.submitter.wake();
  }

  /** Something is on its way into it. */
  foresee(payment: Payment): void {
    if (this.checked) this.submitter.foresee(payment);
  }

  /**
   * Asks the node whether it answers, and is the right one.
   *
   * @throws ChainUnavailableError, ChainUncheckedError, what the follower says of a chain that took back a final block.
   */
  async check(): Promise<void> {
    await this.options.chain.ping();
    if (!this.checked) throw new ChainUncheckedError(this.options.chain.network.chainId);
    this.follower.check();
  }

  /** How the chain stands. */
  figures(): ChainFigures {
    return {
      head: this.head,
      gasPriceWei: gasPriceOf(this.fees.latest),
      relayers: this.treasury.funds(),
      endpoints: this.options.chain.endpointsHealth(),
    };
  }

  /** Lets what is at work finish. What is left is in the database, for the next start. */
  async close(): Promise<void> {
    await this.identity.close();
    await Promise.all(
      [this.submitter, this.replacer, this.nonces, this.follower, this.openPermits, this.treasury].map(
        (part) => part.close(),
      ),
    );
    await Promise.all([this.suspension.close(), this.endpoints.close()]);
    await this.broadcaster.close();
    await this.leases.close();
  }

  private createFollower(fees: FeeBook): Follower {
    const { database, hooks } = this.options;
    return new Follower({
      ...this.options,
      follower: new FollowerRepository(database),
      reorgs: new ReorgRepository(database),
      onHead: ({ number }) => {
        this.head = number;
        fees.noteHead(number);
        this.broadcaster.noteHead(number);
        this.submitter.noteHead(number);
        this.replacer.noteHead(number);
      },
      onOutcomes: (changed) => {
        this.submitter.noteOutcomes(changed);
        this.treasury.noteMined();
        hooks?.onOutcomes?.(changed);
      },
      onReorg: () => hooks?.onReorg?.(),
    });
  }

  private createOpenPermits(): OpenPermits {
    const { database, hooks } = this.options;
    return new OpenPermits({
      ...this.options,
      follower: new FollowerRepository(database),
      payments: new OpenPermitRepository(database),
      outcomes: new OutcomeRepository(database),
      onOutcomes: (changed) => hooks?.onOutcomes?.(changed),
    });
  }

  private createSuspension(): Suspension {
    return new Suspension({ ...this.options, status: new ChainStatusRepository(this.options.database) });
  }

  private createTreasury(): Treasury {
    return new Treasury({
      ...this.options,
      spend: new SpendRepository(this.options.database),
      onFunds: (funds) => this.suspension.noteFunds(funds),
    });
  }

  private createLeases(): Leases {
    return new Leases({
      ...this.options,
      repository: new RelayerRepository(this.options.database),
      onTaken: () => {
        this.nonces.wake();
        this.submitter.wake();
      },
    });
  }

  private createBroadcaster(): Broadcaster {
    return new Broadcaster({
      ...this.options,
      stored: new ResendRepository(this.options.database, this.leases.holder),
      onBroadcast: (sent) => {
        this.follower.expect(sent);
        if (sent.nonceSpent) this.nonces.wake();
      },
    });
  }

  private createNonceWatch(): NonceWatch {
    return new NonceWatch({
      ...this.options,
      leases: this.leases,
      repository: new RelayerRepository(this.options.database),
      onCounts: (counts) => this.broadcaster.noteCounts(counts),
      onIdleGap: (signer) => this.submitter.fill(signer),
    });
  }

  private createSubmitter(fees: FeeBook): Submitter {
    const { database, hooks } = this.options;
    return new Submitter({
      ...this.options,
      leases: this.leases,
      nonces: this.nonces,
      prices: new PriceGate({ fees, onPrice: (price) => this.suspension.noteGasPrice(price) }),
      payments: new PaymentRepository(database),
      batches: new BatchRepository(database, this.leases.holder),
      outcomes: new OutcomeRepository(database),
      follower: new FollowerRepository(database),
      approver: new Approver({ ...this.options, fees, topUps: new TopUpRepository(database) }),
      canPay: (relayer) => this.treasury.canPay(relayer),
      onSigned: (batch) => {
        this.broadcaster.sendSoon([batch.transaction]);
        hooks?.onSigned?.(batch);
      },
    });
  }

  private createReplacer(fees: FeeBook): Replacer {
    const { database, hooks } = this.options;
    return new Replacer({
      ...this.options,
      leases: this.leases,
      fees,
      repository: new ReplaceRepository(database, this.leases.holder),
      onReplaced: (transaction) => {
        this.broadcaster.sendSoon([transaction]);
        hooks?.onReplaced?.();
      },
      onStuck: () => hooks?.onStuck?.(),
    });
  }

  private async checkIdentity(): Promise<number> {
    const { chain, log } = this.options;
    try {
      await chain.checkIdentity();
    } catch (error) {
      if (isRetryable(error)) throw error;
      const { chainId } = chain.network;
      log.error({ err: error, chainId }, 'the node is not of the configured chain; nothing is settled there');
      return identityRetryMs;
    }
    this.checked = true;
    for (const part of [
      this.endpoints,
      this.leases,
      this.follower,
      this.openPermits,
      this.broadcaster,
      this.nonces,
      this.submitter,
      this.replacer,
      this.treasury,
      this.suspension,
    ]) {
      part.start();
    }
    return never;
  }
}

/** What one gas costs in the next block: without a tip, where there are tips. */
function gasPriceOf(fees: Fees | null): bigint | null {
  return fees === null ? null : (fees.baseFee ?? fees.maxFeePerGas);
}

function isRetryable(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'retryable' in error && error.retryable === true;
}
