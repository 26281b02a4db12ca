import type { AttemptRepository } from './attempt.repository.js';
import type { StoredAttempt } from './attempt.js';
import type { SettlementChain } from '../chain/settlement-chain.js';
import { isDueAgain, rebroadcastIntervalMs, type Sent } from '../follower/pace.js';
import { type Log, WakeableLoop } from '../loop/wakeable.loop.js';
import type { Hex } from '../payment/payment.js';

export type BroadcasterOptions = {
  readonly chain: SettlementChain;
  readonly attempts: AttemptRepository;
  readonly log: Log;
  /** Called after transactions were handed to the chain. */
  readonly onBroadcast: (sent: { readonly nonceSpent: boolean }) => void;
};

/** Transactions in one go; more wait for the next. */
const groupMax = 16;
/** Outstanding transactions looked at in one round, lowest nonces first: those hold up the others. */
const roundMax = 256;
/** How often it is checked that what was mined still is. */
const unminedIntervalMs = 2_000;

/**
 * Hands stored transactions to the chain, as often as it takes: a node may refuse, drop or strand one. Only ever sends
 * what is stored, so that whatever it does, no transaction comes into being here.
 */
export class Broadcaster {
  private readonly loop: WakeableLoop;
  private readonly intervalMs: number;
  /** What was last sent when, on this process's clock; forgotten with the process, so that a start sends all. */
  private readonly sent = new Map<Hex, Sent>();
  private head = 0n;
  private unminedLookedAtMs = -Infinity;
  private unmined: readonly StoredAttempt[] = [];
  private readonly refusals = new Map<Hex, string>();
  private readonly sending = new Set<Promise<void>>();

  constructor(private readonly options: BroadcasterOptions) {
    this.intervalMs = rebroadcastIntervalMs(options.chain.network.pollIntervalMs);
    this.loop = new WakeableLoop({
      name: `broadcast ${options.chain.network.chainId}`,
      log: options.log,
      step: () => this.round(),
    });
  }

  start(): void {
    this.loop.start();
  }

  async close(): Promise<void> {
    await this.loop.close();
    await Promise.all(this.sending);
  }

  /** Sends fresh transactions without making the caller wait; what fails here is sent again by the next round. */
  sendSoon(signed: readonly StoredAttempt[]): void {
    const sending = this.send(signed).catch((error: unknown) => {
      this.options.log.warn(
        { err: error, chainId: this.options.chain.network.chainId },
        'broadcast fault, will be sent again',
      );
    });
    this.sending.add(sending);
    void sending.finally(() => this.sending.delete(sending));
  }

  /** The chain has come to this block. */
  noteHead(head: bigint): void {
    this.head = head;
  }

  /** Sends again what has been outstanding for too long, and what the chain has lost. */
  async round(): Promise<number> {
    const { attempts, chain } = this.options;
    if (performance.now() - this.unminedLookedAtMs >= unminedIntervalMs) {
      this.unmined = await this.readUnmined();
      this.unminedLookedAtMs = performance.now();
    }
    const outstanding = await attempts.outstanding(chain.network.chainId, roundMax);
    // Lower nonces first: they hold up the others.
    const all = [...this.unmined, ...outstanding];
    this.forgetAllBut(new Set(all.map(({ hash }) => hash)));
    const now = { atMs: performance.now(), head: this.head };
    await this.send(all.filter(({ hash }) => isDueAgain(this.sent.get(hash), now, this.intervalMs)));
    return this.intervalMs;
  }

  /**
   * Transactions that count as mined or displaced though the chain has not come to their nonce: after a reorganization,
   * or when a node was wrong. Each leaves a gap that all later ones wait behind, and the same bytes are always safe to send.
   */
  private async readUnmined(): Promise<readonly StoredAttempt[]> {
    const { attempts, chain } = this.options;
    const { chainId } = chain.network;
    const relayers = await attempts.relayers(chainId);
    const lists = await Promise.all(
      relayers.map(async (relayer) => {
        const nonce = await chain.transactionCount(relayer, 'latest');
        return attempts.decidedFrom({ chainId, relayer, nonce, limit: roundMax });
      }),
    );
    return lists.flat();
  }

  private async send(signed: readonly StoredAttempt[]): Promise<void> {
    let spent = false;
    try {
      for (let start = 0; start < signed.length; start += groupMax) {
        const group = signed.slice(start, start + groupMax);
        const settled = await Promise.allSettled(group.map((transaction) => this.sendOne(transaction)));
        spent ||= settled.some((result) => result.status === 'fulfilled' && result.value === 'nonce_spent');
        const fault = settled.find((result) => result.status === 'rejected');
        if (fault !== undefined) throw fault.reason;
      }
    } finally {
      if (signed.length > 0) this.options.onBroadcast({ nonceSpent: spent });
    }
  }

  private async sendOne({ hash, raw, paymentId, nonce }: StoredAttempt): Promise<string> {
    const record = { atMs: performance.now(), head: this.head };
    this.sent.set(hash, { ...record, taken: false });
    const sent = await this.options.chain.broadcast(raw);
    if (sent.outcome !== 'refused') {
      this.sent.set(hash, { ...record, taken: true });
      this.refusals.delete(hash);
      return sent.outcome;
    }
    // A refusal is no verdict: the same transaction may be taken later. Each new reason is told once.
    if (this.refusals.get(hash) !== sent.detail) {
      this.refusals.set(hash, sent.detail);
      const { chainId } = this.options.chain.network;
      this.options.log.warn(
        { chainId, paymentId, transaction: hash, nonce: nonce.toString(), reason: sent.detail },
        'broadcast refused, will be sent again',
      );
    }
    return sent.outcome;
  }

  private forgetAllBut(outstanding: ReadonlySet<Hex>): void {
    for (const [hash, { atMs }] of this.sent) {
      // A transaction sent while the list was read may be missing from it.
      const recent = performance.now() - atMs < this.intervalMs;
      if (!outstanding.has(hash) && !recent) {
        this.sent.delete(hash);
        this.refusals.delete(hash);
      }
    }
  }
}
