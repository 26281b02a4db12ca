import type { Relayer } from '@quittance/chain';

import { AttemptRepository } from '../attempt/attempt.repository.js';
import { Broadcaster } from '../attempt/broadcast.loop.js';
import { Submitter } from '../attempt/submit.loop.js';
import { Follower } from '../follower/follow.loop.js';
import { FollowerRepository } from '../follower/follower.repository.js';
import { type Log, WakeableLoop } from '../loop/wakeable.loop.js';
import { OutcomeRepository } from '../payment/outcome.repository.js';
import { PaymentRepository } from '../payment/payment.repository.js';
import { ChainUncheckedError } from './chain-unchecked.error.js';
import type { SettlementChain } from './settlement-chain.js';
import type { Database } from '@quittance/database';

export type ChainSettlerOptions = {
  readonly chain: SettlementChain;
  readonly relayer: Pick<Relayer, 'address' | 'signTransfer'>;
  readonly database: Database;
  readonly log: Log;
};

const identityRetryMs = 5_000;
const never = 2 ** 31 - 1;

/**
 * Everything that settles on one chain. Nothing is signed, sent or read until the node has said that it is the chain
 * that was configured.
 */
export class ChainSettler {
  private readonly submitter: Submitter;
  private readonly broadcaster: Broadcaster;
  private readonly follower: Follower;
  private readonly identity: WakeableLoop;
  private checked = false;

  constructor(private readonly options: ChainSettlerOptions) {
    const { chain, relayer, database, log } = options;
    const attempts = new AttemptRepository(database);
    const outcomes = new OutcomeRepository(database);
    const follower = new FollowerRepository(database, outcomes);
    this.follower = new Follower({
      chain,
      attempts,
      outcomes,
      follower,
      log,
      onHead: (head) => this.broadcaster.noteHead(head),
      onOutcomes: () => this.submitter.wake(),
    });
    this.broadcaster = new Broadcaster({
      chain,
      attempts,
      log,
      onBroadcast: (sent) => this.follower.expect(sent),
    });
    this.submitter = new Submitter({
      chain,
      relayer,
      payments: new PaymentRepository(database),
      attempts,
      outcomes,
      follower,
      log,
      onSigned: (signed) => this.broadcaster.sendSoon(signed),
    });
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

  /**
   * Asks the node whether it answers, and is the right one.
   *
   * @throws ChainUnavailableError, ChainUncheckedError.
   */
  async check(): Promise<void> {
    await this.options.chain.ping();
    if (!this.checked) throw new ChainUncheckedError(this.options.chain.network.chainId);
  }

  /** Lets what is at work finish. What is left is in the database, for the next start. */
  async close(): Promise<void> {
    await Promise.all([this.identity.close(), this.submitter.close(), this.follower.close()]);
    await this.broadcaster.close();
  }

  private async checkIdentity(): Promise<number> {
    const { chain, log } = this.options;
    try {
      await chain.checkIdentity();
    } catch (error) {
      if (isRetryable(error)) throw error;
      log.error(
        { err: error, chainId: chain.network.chainId },
        'the node is not of the configured chain; nothing is settled there',
      );
      return identityRetryMs;
    }
    this.checked = true;
    this.follower.start();
    this.broadcaster.start();
    this.submitter.start();
    return never;
  }
}

function isRetryable(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'retryable' in error && error.retryable === true;
}
