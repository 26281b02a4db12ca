import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { Logger } from '@quittance/observability';

import type { CheckpointRepository } from './checkpoint.repository.js';
import type { SealFigures } from './seal-figures.js';
import type { SealingRepository } from './sealing.repository.js';

/** What was posted is sealed about this much later. */
export const sealIntervalMs = 1_000;
const faultPauseMaxMs = 10_000;
const millisecondsPerSecond = 1_000;

export type SealLoopOptions = {
  readonly sealing: SealingRepository;
  /** Null where there is no key: the books are sealed all the same. */
  readonly checkpoints: CheckpointRepository | null;
  readonly checkpointSeconds: number;
  readonly figures: SealFigures;
  readonly log: Logger;
};

/** Seals what is posted, and signs what is sealed, for as long as the service runs. */
@Injectable()
export class SealLoop implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #ending = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: SealLoopOptions) {}

  onApplicationBootstrap(): void {
    const checkpointIntervalMs = this.options.checkpointSeconds * millisecondsPerSecond;
    this.#running = Promise.all([
      this.#repeat('sealing', sealIntervalMs, () => this.sealAll()),
      this.#repeat('signing checkpoints', checkpointIntervalMs, () => this.sign()),
    ]);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#ending.abort();
    await this.#running;
  }

  /** Seals until nothing is left, or another replica is at it. */
  async sealAll(): Promise<void> {
    const { sealing, figures } = this.options;
    for (let more = true; more && !this.#ending.signal.aborted;) {
      const startedAt = performance.now();
      const sealed = await sealing.seal();
      if (sealed.outcome !== 'sealed') return;
      figures.sealed(sealed.transactions, (performance.now() - startedAt) / millisecondsPerSecond);
      more = sealed.more;
    }
  }

  async sign(): Promise<void> {
    const signed = await this.options.checkpoints?.sign();
    // Whoever keeps the log can tell later that nothing was cut off at the end.
    if (signed) this.options.log.info({ size: signed.size, note: signed.note }, 'checkpoint signed');
  }

  /** A fault is logged when it begins and when it is over; meanwhile the step is done again, later and later. */
  async #repeat(name: string, intervalMs: number, step: () => Promise<void>): Promise<void> {
    const { signal } = this.#ending;
    let faults = 0;
    while (!signal.aborted) {
      try {
        await step();
        if (faults > 0) this.options.log.info({ loop: name }, 'working again');
        faults = 0;
      } catch (error) {
        if (faults === 0 && !signal.aborted)
          this.options.log.warn({ loop: name, err: error }, 'fault, trying again');
        faults += 1;
      }
      const pauseMs = Math.min(intervalMs * 2 ** Math.min(faults, 10), Math.max(intervalMs, faultPauseMaxMs));
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }
}
