import { setTimeout as sleep } from 'node:timers/promises';

import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { ChainId } from '@quittance/money';
import type { Logger } from '@quittance/observability';

import type { BlockRef, ChainReader } from './chain-reader.js';
import type { ChainReconciliation } from './chain-reconciliation.repository.js';
import { RipeBlocks } from './ripe-blocks.js';

/** follow: compare what becomes final, all the time; demand: only what somebody asks for. */
export type ReconcileMode = 'follow' | 'demand';

export type LoopOptions = {
  readonly chainId: ChainId;
  readonly mode: ReconcileMode;
  readonly reader: Pick<ChainReader, 'finalBlock'>;
  readonly reconciliation: Pick<ChainReconciliation, 'follow' | 'run'>;
  readonly pollIntervalMs: number;
  /** What the books may be behind a final block. */
  readonly graceMs: number;
  readonly close: () => void;
  readonly log: Logger;
};

const pauseMinMs = 1_000;
const pauseMaxMs = 60_000;

/** Compares chains with the books for as long as the service runs. */
@Injectable()
export class ReconciliationLoops implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly ending = new AbortController();
  private resting = new AbortController();
  private running: Promise<unknown> = Promise.resolve();

  constructor(private readonly loops: readonly LoopOptions[]) {}

  get chains(): readonly ChainId[] {
    return this.loops.map(({ chainId }) => chainId);
  }

  onApplicationBootstrap(): void {
    this.running = Promise.all(this.loops.map((loop) => this.repeat(loop)));
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.ending.abort();
    this.wake();
    await this.running;
    for (const { close } of this.loops) close();
  }

  /** Something was asked for. */
  wake(): void {
    this.resting.abort();
    this.resting = new AbortController();
  }

  /** A fault is logged once an outage, and the step tried again later and later. */
  private async repeat(loop: LoopOptions): Promise<void> {
    const { chainId, log, pollIntervalMs } = loop;
    const ripe = new RipeBlocks<BlockRef>(loop.graceMs);
    let pauseMs = pauseMinMs;
    while (!this.ending.signal.aborted) {
      try {
        const hasMore = await this.step(loop, ripe);
        if (pauseMs > pauseMinMs) log.info({ chainId }, 'the chain is compared with the books again');
        pauseMs = pauseMinMs;
        if (!hasMore) await this.rest(Math.max(pollIntervalMs, pauseMinMs));
      } catch (error) {
        if (this.ending.signal.aborted) return;
        if (pauseMs === pauseMinMs)
          log.warn({ err: error, chainId }, 'the chain cannot be compared with the books now; trying again');
        pauseMs = Math.min(pauseMs * 2, pauseMaxMs);
        await sleep(pauseMs, undefined, { signal: this.ending.signal }).catch(() => undefined);
      }
    }
  }

  /** Whether there is more to do at once. */
  private async step(loop: LoopOptions, ripe: RipeBlocks<BlockRef>): Promise<boolean> {
    const final = await loop.reader.finalBlock();
    if (final === null) return false;
    const ready = ripe.take(final, Date.now());
    const asked = await loop.reconciliation.run(final);
    if (loop.mode === 'demand' || ready === null) return asked;
    return (await loop.reconciliation.follow(ready)) || asked;
  }

  private async rest(restMs: number): Promise<void> {
    const signal = AbortSignal.any([this.resting.signal, this.ending.signal]);
    await sleep(restMs, undefined, { signal }).catch(() => undefined);
  }
}
