import { crashPoint } from '@quittance/observability';

import type { SettlementChain } from '../chain/settlement-chain.js';
import { isDueAgain, rebroadcastIntervalMs, type Sent } from '../follower/pace.js';
import { type Log, WakeableLoop } from '../loop/wakeable.loop.js';
import type { Hex } from '../payment/payment.js';
import type { Bytes, ResendRepository, StoredTransaction } from './resend.repository.js';

export type BroadcasterOptions = {
  readonly chain: SettlementChain;
  readonly stored: ResendRepository;
  readonly log: Log;
  /** Called after transactions were handed to the chain. */
  readonly onBroadcast: (sent: Broadcast) => void;
};

/** Transactions that were handed to the chain, and whether it said of one that its nonce is used already. */
export type Broadcast = { readonly transactions: readonly Hex[]; readonly nonceSpent: boolean };

/** Transactions in one go; more wait for the next. Each may have 128 KB. */
const groupMax = 8;
/** Outstanding transactions looked at in one round, lowest nonces first: those hold up the others. */
const roundMax = 1_000;

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
  /** The head a round ago: what the blocks up to there hold is no longer outstanding by now. */
  private settledHead = 0n;
  private unmined: readonly StoredTransaction[] = [];
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
  sendSoon(signed: readonly Bytes[]): void {
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

  /**
   * The chain has used so many nonces of each relayer. Transactions from there on that count as mined or displaced are not
   * there after a reorganization, or when a node was wrong: each leaves a gap that all later ones wait behind, and the same
   * bytes are always safe to send.
   */
  async noteCounts(counts: ReadonlyMap<Hex, bigint>): Promise<void> {
    const { chain, stored } = this.options;
    const { chainId } = chain.network;
    const lists = await Promise.all(
      [...counts].map(([relayer, count]) => stored.endedFrom({ chainId, relayer }, count, roundMax)),
    );
    this.unmined = lists.flat();
    if (this.unmined.length > 0) this.loop.wake();
  }

  /** Sends again what has been outstanding for too long, and what the chain has lost. */
  async round(): Promise<number> {
    const { stored, chain } = this.options;
    const outstanding = await stored.outstanding(chain.network.chainId, roundMax);
    // Lower nonces first: they hold up the others.
    const all = [...this.unmined, ...outstanding];
    this.forgetAllBut(new Set(all.map(({ hash }) => hash)));
    const now = { atMs: performance.now(), head: this.settledHead };
    this.settledHead = this.head;
    const due = all.filter(({ hash, newest }) => {
      const sent = this.sent.get(hash);
      // One that was replaced is sent once after a start, in case that nobody has its successor.
      return newest ? isDueAgain(sent, now, this.intervalMs) : sent === undefined;
    });
    for (let start = 0; start < due.length; start += groupMax) {
      await this.send(await stored.bytesOf(due.slice(start, start + groupMax).map(({ hash }) => hash)));
    }
    return this.intervalMs;
  }

  private async send(signed: readonly Bytes[]): Promise<void> {
    let spent = false;
    try {
      for (let start = 0; start < signed.length; start += groupMax) {
        const group = signed.slice(start, start + groupMax);
        const settled = await Promise.allSettled(
          group.map(async (transaction) => {
            const outcome = await this.sendOne(transaction);
            if (group.length > 1) crashPoint('settlement.broadcast-half');
            return outcome;
          }),
        );
        spent ||= settled.some((result) => result.status === 'fulfilled' && result.value === 'nonce_spent');
        const fault = settled.find((result) => result.status === 'rejected');
        if (fault !== undefined) throw fault.reason;
      }
    } finally {
      const transactions = signed.map(({ hash }) => hash);
      if (signed.length > 0) this.options.onBroadcast({ transactions, nonceSpent: spent });
    }
    crashPoint('settlement.broadcast');
  }

  private async sendOne({ hash, raw }: Bytes): Promise<string> {
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
      this.options.log.warn(
        { chainId: this.options.chain.network.chainId, transaction: hash, detail: sent.detail },
        'the node refused a transaction, will be sent again',
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
