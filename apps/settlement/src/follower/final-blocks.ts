import type { ChainBlock, SettlementChain } from '../chain/settlement-chain.js';
import type { Log } from '../loop/wakeable.loop.js';
import { FinalBlockGoneError } from './final-block-gone.error.js';
import type { Cursor, FollowerRepository } from './follower.repository.js';

export type FinalBlocksOptions = {
  readonly chain: Pick<SettlementChain, 'network' | 'block' | 'finalizedBlock'>;
  readonly follower: Pick<FollowerRepository, 'finalize'>;
  readonly log: Log;
};

/** Between two questions for the final block: where blocks come, and where none do. */
const intervalMs = 2_000;
const idleIntervalMs = 5_000;
const gonePauseMs = 5_000;
/** A head below a final block has to be seen for so long: a node that is being started may tell it for a moment. */
const belowMinMs = 1_000;
const belowPauseMs = 250;

/** How far a chain's blocks are final, and whether they stay so. */
export class FinalBlocks {
  private askedAtMs = -Infinity;
  private askedAtHead: bigint | null = null;
  private belowSinceMs: number | null = null;
  private fault: FinalBlockGoneError | null = null;

  constructor(private readonly options: FinalBlocksOptions) {}

  /** @throws FinalBlockGoneError while the chain is not the one that was followed. */
  check(): void {
    if (this.fault !== null) throw this.fault;
  }

  /** The chain has what was applied. */
  noteFound(): void {
    this.fault = null;
  }

  /** Says once that a final block is gone; gives the milliseconds until the next look. */
  gone(cursor: Cursor): number {
    const { chain, log } = this.options;
    const { chainId } = chain.network;
    if (this.fault === null) {
      log.error(
        {
          alarm: 'chain_reorg_below_final',
          chainId,
          followed: cursor.number.toString(),
          final: cursor.finalNumber.toString(),
        },
        'the chain took back a final block; it is not followed until it has it again: do rpcUrls lead to another chain, or was a development chain reset?',
      );
    }
    this.fault ??= new FinalBlockGoneError(chainId);
    return gonePauseMs;
  }

  /** Gives a pause while the head is below a final block, which no node that keeps up can tell; null when it is not. */
  below(head: ChainBlock, cursor: Cursor): number | null {
    const nowMs = performance.now();
    if (head.number >= cursor.finalNumber) this.belowSinceMs = null;
    else this.belowSinceMs ??= nowMs;
    if (this.belowSinceMs === null) return null;
    return nowMs - this.belowSinceMs >= belowMinMs ? this.gone(cursor) : belowPauseMs;
  }

  /**
   * Asks for the final block when that is due, and notes what became final up to the cursor. Gives the cursor as it is
   * then; null when another process was there first.
   */
  async advance(cursor: Cursor, head: ChainBlock): Promise<Cursor | null> {
    if (!this.isDue(cursor, head)) return cursor;
    const { chain, follower } = this.options;
    this.askedAtMs = performance.now();
    this.askedAtHead = head.number;
    const final = await chain.finalizedBlock();
    if (final === null || final.number <= cursor.finalNumber) return cursor;
    const block = final.number <= cursor.number ? final : await chain.block(cursor.number);
    if (block === null || block.number <= cursor.finalNumber) return cursor;
    if (block.number === cursor.number && block.hash !== cursor.hash) return cursor;
    const { number, hash, time } = block;
    const noted = await follower.finalize(chain.network.chainId, { number, hash, time });
    return noted ? { ...cursor, finalNumber: number } : null;
  }

  private isDue(cursor: Cursor, head: ChainBlock): boolean {
    const sinceMs = performance.now() - this.askedAtMs;
    if (this.askedAtHead !== head.number) return sinceMs >= intervalMs;
    return sinceMs >= idleIntervalMs && cursor.finalNumber < this.finalAtBest(cursor, head);
  }

  private finalAtBest({ number }: Cursor, head: ChainBlock): bigint {
    const { finality } = this.options.chain.network;
    if (typeof finality !== 'number') return number;
    const deepest = head.number - BigInt(finality);
    return deepest < number ? deepest : number;
  }
}
