import type { AttemptRepository } from '../attempt/attempt.repository.js';
import type { OutstandingAttempt } from '../attempt/attempt.js';
import { logsOf } from '../chain/log-search.js';
import type { SettlementChain } from '../chain/settlement-chain.js';
import { type Log, WakeableLoop } from '../loop/wakeable.loop.js';
import type { Finding } from '../payment/finding.js';
import type { Outcome } from '../payment/outcome.js';
import type { OutcomeRepository } from '../payment/outcome.repository.js';
import { type BlockRange, confirmedBlock, firstCursor, nextRange } from './block-range.js';
import { DisplacementWatch } from './displacement.js';
import type { FollowerRepository } from './follower.repository.js';
import { pauseBeforeLook } from './pace.js';
import { ChainSurvey } from './survey.js';

export type FollowerOptions = {
  readonly chain: SettlementChain;
  readonly attempts: AttemptRepository;
  readonly outcomes: OutcomeRepository;
  readonly follower: FollowerRepository;
  readonly log: Log;
  readonly onHead: (head: bigint) => void;
  /** Called when payments have moved: room for new transactions, or something to submit again. */
  readonly onOutcomes: (outcomes: readonly Outcome[]) => void;
};

/** Outstanding transactions accounted for in one look; more than are ever under way. */
const outstandingReadMax = 1_000;
/** How often transactions that are late are asked about even if there is no new block. */
const reviewIntervalMs = 1_000;
/** A search for who spent an authorization that was too long takes long: not to be repeated in every look. */
const undecidedPauseMs = 60_000;
/** A head this far behind what was applied is not a lagging node but another chain, or one that was reset. */
const behindBlocksMax = 100n;

/** Reads one chain forward block by block, and tells what became of payments. */
export class Follower {
  private readonly loop: WakeableLoop;
  private readonly displacement = new DisplacementWatch();
  private cursor: bigint | null = null;
  private outstanding = true;
  private broadcastAtMs = -Infinity;
  private reviewedAtMs = -Infinity;
  private reviewDue = false;
  private warnedBehind = false;
  private readonly pausedUntilMs = new Map<string, number>();

  constructor(private readonly options: FollowerOptions) {
    this.loop = new WakeableLoop({
      name: `follow ${options.chain.network.chainId}`,
      log: options.log,
      step: () => this.step(),
    });
  }

  start(): void {
    this.loop.start();
  }

  close(): Promise<void> {
    return this.loop.close();
  }

  /** Something was broadcast: looks at once, and often for a while where blocks come fast. */
  expect({ nonceSpent }: { readonly nonceSpent: boolean }): void {
    this.outstanding = true;
    this.broadcastAtMs = performance.now();
    this.reviewDue ||= nonceSpent;
    this.loop.wake();
  }

  /** Looks once at the chain; gives the milliseconds until the next look. */
  async step(): Promise<number> {
    const { chain, follower } = this.options;
    const { chainId, confirmations, pollIntervalMs } = chain.network;
    const head = await chain.latestBlock();
    this.options.onHead(head.number);
    const confirmed = confirmedBlock(head.number, confirmations);
    this.cursor ??= await follower.cursor(chainId, firstCursor(confirmed));
    this.warnWhenBehind(confirmed, this.cursor);
    const range = nextRange(this.cursor, confirmed);
    if (range === null) await this.review(confirmed);
    else await this.apply(range, confirmed);
    if (range !== null && range.toBlock < confirmed) return 0;
    return pauseBeforeLook({
      pollIntervalMs,
      outstanding: this.outstanding,
      sinceBroadcastMs: performance.now() - this.broadcastAtMs,
    });
  }

  private async apply(range: BlockRange, confirmed: bigint): Promise<void> {
    const { chain, follower, attempts } = this.options;
    const { chainId } = chain.network;
    const [logs, outstanding] = await Promise.all([
      logsOf(chain, range),
      attempts.outstanding(chainId, outstandingReadMax),
    ]);
    const survey = new ChainSurvey(chain);
    const matched = await follower.match(chainId, logs);
    const inLogs = new Set(logs.map(({ transaction }) => transaction));
    const unlanded = this.unpaused(outstanding.filter(({ hash }) => !inLogs.has(hash)));
    const [landed, others] = await Promise.all([
      survey.landed(matched),
      // Old states are not kept by every node: transaction counts are asked for at the newest block only.
      range.toBlock === confirmed ? survey.unlanded(unlanded, confirmed) : [],
    ]);
    this.pause(survey.undecided);
    const certain = this.displacement.sift(others, performance.now());
    const outcomes = await follower.advance(chainId, range, [...landed, ...certain]);
    this.cursor = outcomes === null ? null : range.toBlock;
    this.note(outcomes ?? [], outstanding);
  }

  /** A nonce may be lost without a new block to show it: to a transaction that was mined before ours was sent. */
  private async review(confirmed: bigint): Promise<void> {
    const { chain, attempts, outcomes } = this.options;
    const due =
      this.reviewDue || (this.outstanding && performance.now() - this.reviewedAtMs >= reviewIntervalMs);
    if (!due || this.cursor === null || confirmed < this.cursor) return;
    this.reviewDue = false;
    const outstanding = await attempts.outstanding(chain.network.chainId, outstandingReadMax);
    const survey = new ChainSurvey(chain);
    const findings: Finding[] = await survey.unlanded(this.unpaused(outstanding), this.cursor);
    this.pause(survey.undecided);
    this.note(await outcomes.apply(this.displacement.sift(findings, performance.now())), outstanding);
    this.reviewedAtMs = performance.now();
  }

  private note(outcomes: readonly Outcome[], outstanding: readonly OutstandingAttempt[]): void {
    const over = outcomes.filter(({ attempt }) => attempt !== null).length;
    this.outstanding = outstanding.length > over || performance.now() - this.broadcastAtMs < reviewIntervalMs;
    if (outcomes.length > 0) this.options.onOutcomes(outcomes);
  }

  private unpaused(outstanding: readonly OutstandingAttempt[]): OutstandingAttempt[] {
    const nowMs = performance.now();
    for (const [hash, untilMs] of this.pausedUntilMs) {
      if (untilMs <= nowMs) this.pausedUntilMs.delete(hash);
    }
    return outstanding.filter(({ hash }) => !this.pausedUntilMs.has(hash));
  }

  private pause(undecided: readonly OutstandingAttempt[]): void {
    for (const { hash, paymentId } of undecided) {
      this.pausedUntilMs.set(hash, performance.now() + undecidedPauseMs);
      this.options.log.error(
        { chainId: this.options.chain.network.chainId, paymentId, transaction: hash },
        'a transaction reverted, and what spent its authorization is too long ago to be searched for; will be searched for again',
      );
    }
  }

  private warnWhenBehind(confirmed: bigint, cursor: bigint): void {
    const behind = confirmed + behindBlocksMax < cursor;
    if (behind && !this.warnedBehind) {
      this.options.log.error(
        {
          chainId: this.options.chain.network.chainId,
          head: confirmed.toString(),
          followed: cursor.toString(),
        },
        'the chain is shorter than what was already followed: is rpcUrl another chain, or was a development chain reset?',
      );
    }
    this.warnedBehind = behind;
  }
}
