import type { HeadWatch } from '@quittance/chain';
import { crashPoint } from '@quittance/observability';

import { ChainInconsistentError } from '../chain/chain-inconsistent.error.js';
import type { ChainBlock, SettlementChain } from '../chain/settlement-chain.js';
import { type Log, WakeableLoop } from '../loop/wakeable.loop.js';
import type { Outcome } from '../payment/outcome.js';
import type { Hex } from '../payment/payment.js';
import type { Broadcast } from '../batch/broadcast.loop.js';
import { BehindWarning } from './behind.js';
import { type BlockRange, confirmedBlock, firstCursor, nextRange } from './block-range.js';
import { EarlyReceipts } from './early-receipts.js';
import { FinalBlocks } from './final-blocks.js';
import type { BlockId, Cursor, FollowerRepository } from './follower.repository.js';
import { ForkSuspicion, newestShared } from './fork.js';
import { pauseBeforeLook } from './pace.js';
import type { ReorgRepository } from './reorg.repository.js';
import { type Surveyed, Surveyor } from './surveyor.js';

export type FollowerOptions = {
  readonly chain: SettlementChain;
  readonly follower: FollowerRepository;
  readonly reorgs: ReorgRepository;
  readonly log: Log;
  /** Called for each new head. */
  readonly onHead: (head: ChainBlock) => void;
  /** Called when payments or batches have moved: room for new transactions, or something to submit again. */
  readonly onOutcomes: (outcomes: readonly Outcome[]) => void;
  /** Called when blocks have left the chain. */
  readonly onReorg?: (depth: bigint) => void;
};

/** Outstanding batches accounted for in one look; more than are ever under way. */
const outstandingReadMax = 1_000;
/** How often batches that are late are asked about even if there is no new block. */
const reviewIntervalMs = 1_000;
/** How often those that were displaced are, and how many: nodes may have hidden that they were mined. */
const displacedIntervalMs = 5_000;
const displacedReadMax = 100;
/** Between two looks at what seems to be a fork. */
const forkPauseMs = 100;
/** Blocks between two bounds of what is known of old blocks. */
const forgetEveryBlocks = 1_000n;

/** Reads one chain forward block by block, back where blocks leave it, and tells what became of payments. */
export class Follower {
  private readonly loop: WakeableLoop;
  private readonly surveyor: Surveyor;
  private readonly suspicion = new ForkSuspicion();
  private readonly early: EarlyReceipts;
  private readonly final: FinalBlocks;
  private readonly behind: BehindWarning;
  private heads: HeadWatch | null = null;
  private cursor: Cursor | null = null;
  /** The head up to which everything has been applied. */
  private seen: Hex | null = null;
  /** A head that the node told of by itself, and that is not looked at yet: it need not be asked for. */
  private announced: ChainBlock | null = null;
  private told: Hex | null = null;
  private outstanding = true;
  private broadcastAtMs = -Infinity;
  private reviewedAtMs = -Infinity;
  private displacedAtMs = -Infinity;
  private reviewDue = false;

  constructor(private readonly options: FollowerOptions) {
    const { chain, follower, log } = options;
    const { chainId } = chain.network;
    this.behind = new BehindWarning(log, chainId);
    this.early = new EarlyReceipts(chain);
    this.final = new FinalBlocks(options);
    this.surveyor = new Surveyor({ chain, stored: follower.stored(chainId) });
    this.loop = new WakeableLoop({ name: `follow ${chainId}`, log, step: () => this.step() });
  }

  start(): void {
    this.heads ??= this.options.chain.watchHeads((head) => {
      this.announced = head;
      this.loop.wake();
    });
    this.loop.start();
  }

  async close(): Promise<void> {
    this.heads?.close();
    await this.loop.close();
  }

  /** Something was broadcast: looks at once, and often for a while where blocks come fast. */
  expect({ transactions, nonceSpent }: Broadcast): void {
    this.early.expect(transactions);
    this.outstanding = true;
    this.broadcastAtMs = performance.now();
    this.reviewDue ||= nonceSpent;
    this.loop.wake();
  }

  /** @throws FinalBlockGoneError while the chain is not the one that was followed. */
  check(): void {
    this.final.check();
  }

  /** Looks once at the chain; gives the milliseconds until the next look. */
  async step(): Promise<number> {
    const { chain } = this.options;
    const head = this.announced ?? (await chain.latestBlock());
    this.announced = null;
    if (this.told !== head.hash) this.options.onHead(head);
    this.told = head.hash;
    const pauseMs = head.hash === this.seen ? null : await this.look(head);
    if (pauseMs !== null) return pauseMs;
    await this.lookForFinality(head);
    await this.review();
    return pauseBeforeLook({
      pollIntervalMs: chain.network.pollIntervalMs,
      live: this.heads?.live === true,
      outstanding: this.outstanding,
      sinceBroadcastMs: performance.now() - this.broadcastAtMs,
    });
  }

  /** Applies what a new head brings; gives a pause when there is more to do than that, and null when all is applied. */
  private async look(head: ChainBlock): Promise<number | null> {
    const confirmed = confirmedBlock(head.number, this.options.chain.network.confirmations);
    const cursor = this.cursor ?? (await this.begin(confirmed));
    this.cursor = cursor;
    this.behind.note(confirmed, cursor.number);
    const belowMs = this.final.below(head, cursor);
    if (belowMs !== null) return belowMs;
    const range = nextRange(cursor.number, confirmed);
    const pauseMs =
      range === null
        ? await this.compare(head, cursor)
        : await this.apply({ range, head, cursor, confirmed });
    if (pauseMs !== null) return pauseMs;
    if (range !== null && range.toBlock < confirmed) return 0;
    this.seen = head.hash;
    return null;
  }

  private async begin(confirmed: bigint): Promise<Cursor> {
    const { chain, follower } = this.options;
    const { chainId } = chain.network;
    const known = await follower.cursor(chainId);
    if (known !== null) return known;
    await follower.begin(chainId, await this.blockAt(firstCursor(confirmed)));
    return this.begin(confirmed);
  }

  private async apply({ range, head, cursor, confirmed }: Reading): Promise<number | null> {
    const { chain, follower } = this.options;
    const { chainId } = chain.network;
    const [{ logs, lastBlock }, receipts, before, outstanding] = await Promise.all([
      chain.authorizationUsedWithBlock(range),
      this.early.read(),
      range.fromBlock === range.toBlock ? null : this.blockAt(cursor.number),
      follower.outstanding(chainId, outstandingReadMax),
    ]);
    crashPoint('settlement.block-read');
    // The node that gave the logs may be on another fork than the one that told the head.
    if (lastBlock.number === head.number && lastBlock.hash !== head.hash) return forkPauseMs;
    const forked = await this.forkPause(cursor, cursor, before?.hash ?? lastBlock.parentHash);
    if (forked !== null) return forked;
    const surveyed = await this.surveyor.blocks({ logs, lastBlock, receipts, outstanding, confirmed });
    const last = { number: lastBlock.number, hash: lastBlock.hash };
    const outcomes = await follower.advance(chainId, { cursor, last, ...surveyed });
    this.cursor = outcomes === null ? null : { ...cursor, ...last };
    if (outcomes === null) return 0;
    this.note(outcomes, surveyed);
    if (last.number % forgetEveryBlocks === 0n) await follower.forgetOldest(chainId, last);
    return null;
  }

  /** Whether a head without anything to apply is of the chain that was applied: one that is lower may be, and lag. */
  private async compare(head: ChainBlock, cursor: Cursor): Promise<number | null> {
    const { chain, follower } = this.options;
    const anchor =
      cursor.number <= head.number ? cursor : await follower.knownAt(chain.network.chainId, head.number);
    if (anchor === null) return null;
    const found = anchor.number === head.number ? head.hash : (await this.blockAt(anchor.number)).hash;
    return this.forkPause(cursor, anchor, found);
  }

  /** Null when the chain has the applied block; otherwise a pause, after which more is known or has been taken back. */
  private async forkPause(cursor: Cursor, applied: BlockId, found: Hex): Promise<number | null> {
    if (found === applied.hash) {
      this.suspicion.clear();
      this.final.noteFound();
      return null;
    }
    if (!this.suspicion.certain(applied, found, performance.now())) return forkPauseMs;
    this.suspicion.clear();
    return this.takeBack(cursor);
  }

  private async takeBack(cursor: Cursor): Promise<number> {
    const { chain, follower, reorgs, log } = this.options;
    const { chainId } = chain.network;
    this.cursor = null;
    const known = await follower.known(chainId);
    const hashAt = async (number: bigint) => (await chain.block(number))?.hash ?? null;
    const ancestor = await newestShared(known, hashAt);
    if (ancestor === null || ancestor.number < cursor.finalNumber) return this.final.gone(cursor);
    // Found on the chain after all: nodes that disagree.
    if (ancestor.hash === cursor.hash) return forkPauseMs;
    const extent = await reorgs.takeBack(chainId, { cursor, ancestor });
    if (extent === null) return 0;
    log.warn(
      { chainId, from: cursor.number.toString(), to: ancestor.number.toString(), ...extent },
      'blocks left the chain; what they said is taken back',
    );
    this.outstanding = true;
    this.displacedAtMs = -Infinity;
    this.options.onReorg?.(cursor.number - ancestor.number);
    this.options.onOutcomes([]);
    return 0;
  }

  /** A nonce may be lost without a new block to show it: to a transaction that was mined before ours was sent. */
  private async review(): Promise<void> {
    const { chain, follower } = this.options;
    const { chainId } = chain.network;
    const { cursor } = this;
    const nowMs = performance.now();
    const displacedDue = nowMs - this.displacedAtMs >= displacedIntervalMs;
    const due =
      this.reviewDue || displacedDue || (this.outstanding && nowMs - this.reviewedAtMs >= reviewIntervalMs);
    if (!due || cursor === null) return;
    const [outstanding, displaced] = await Promise.all([
      follower.outstanding(chainId, outstandingReadMax),
      displacedDue ? follower.displaced(chainId, displacedReadMax) : [],
    ]);
    this.reviewDue = false;
    if (displacedDue) this.displacedAtMs = nowMs;
    const surveyed = await this.surveyor.review({ outstanding, displaced, confirmed: cursor.number });
    // Found by numbers of blocks: these may have become those of another branch since the head was compared.
    if (surveyed.ended.length > 0 && (await chain.block(cursor.number))?.hash !== cursor.hash) {
      this.reviewDue = true;
      return;
    }
    const outcomes = await follower.review(chainId, { cursor, ...surveyed });
    this.reviewedAtMs = performance.now();
    if (outcomes === null) this.forgetPlace();
    else this.note(outcomes, surveyed);
  }

  private async lookForFinality(head: ChainBlock): Promise<void> {
    if (this.cursor === null) return;
    const cursor = await this.final.advance(this.cursor, head);
    if (cursor === null) this.forgetPlace();
    else this.cursor = cursor;
  }

  /** Another process was there first. */
  private forgetPlace(): void {
    this.cursor = null;
    this.seen = null;
  }

  private note(outcomes: readonly Outcome[], { ended, left }: Surveyed): void {
    this.outstanding = left > 0 || performance.now() - this.broadcastAtMs < reviewIntervalMs;
    if (outcomes.length > 0 || ended.length > 0) this.options.onOutcomes(outcomes);
  }

  private async blockAt(number: bigint): Promise<ChainBlock> {
    const { chain } = this.options;
    const block = await chain.block(number);
    if (block !== null) return block;
    throw new ChainInconsistentError(chain.network.chainId, `the node has not got block ${number}`);
  }
}

type Reading = {
  readonly range: BlockRange;
  readonly head: ChainBlock;
  readonly cursor: Cursor;
  readonly confirmed: bigint;
};
