import { setTimeout as sleep } from 'node:timers/promises';

import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { Counter, Logger, Metrics } from '@quittance/observability';

import type { RollUpRepository } from './roll-up.repository.js';

/** How often somebody looks whether a block is full. Reads do not wait for it: what is not rolled up is read line by line. */
const restMs = 2_000;
/** After a block as long a pause as it took: whoever posts has at least half of the machine. */
const pauseShare = 1;
/** A random block is made anew and compared this often. */
const checkIntervalMs = 60_000;

export class RollUpFigures {
  private readonly blocks: Counter<'level'>;
  private readonly wrong: Counter;

  constructor(metrics: Metrics) {
    this.blocks = metrics.counter({
      name: 'quittance_ledger_rollups_total',
      help: 'Blocks of sealed transactions that this process summed up, by level.',
      labels: ['level'],
    });
    this.wrong = metrics.counter({
      name: 'quittance_ledger_rollup_wrong_total',
      help: 'Blocks whose kept sums were not what their lines come to when they were summed up again.',
    });
    this.wrong.add(0);
  }

  rolledUp(level: number): void {
    this.blocks.add(1, { level: String(level) });
  }

  foundWrong(): void {
    this.wrong.add(1);
  }
}

export type RollUpOptions = {
  readonly rollUps: RollUpRepository;
  readonly figures: RollUpFigures;
  readonly log: Logger;
  readonly random?: () => number;
};

/** Sums up what is sealed for as long as the service runs, and sums up anew what was, to compare. */
@Injectable()
export class RollUpLoop implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly ending = new AbortController();
  private running: Promise<unknown> = Promise.resolve();
  private readonly random: () => number;

  constructor(private readonly options: RollUpOptions) {
    this.random = options.random ?? Math.random;
  }

  onApplicationBootstrap(): void {
    this.running = Promise.all([
      this.repeat(() => this.rollUpAll(), restMs),
      this.rest(checkIntervalMs * this.random()).then(() => this.repeat(() => this.check(), checkIntervalMs)),
    ]);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.ending.abort();
    await this.running;
  }

  /** Everything that is full by now. */
  async rollUpAll(): Promise<void> {
    while (!this.ending.signal.aborted) {
      const begun = performance.now();
      const level = await this.options.rollUps.next();
      if (level === null) return;
      this.options.figures.rolledUp(level);
      await this.rest((performance.now() - begun) * pauseShare);
    }
  }

  /** Makes one block anew. A difference stops the books, as any drift does. */
  async check(): Promise<void> {
    const { rollUps, figures, log } = this.options;
    const found = await rollUps.checkOne(this.random());
    if (found === null || found.differences === 0) return;
    figures.foundWrong();
    log.error(
      { alarm: 'ledger_rollup_wrong', ...found },
      'the kept sums of a block are not what its lines come to: the books are read-only, and reports are wrong',
    );
  }

  private async repeat(step: () => Promise<unknown>, intervalMs: number): Promise<void> {
    while (!this.ending.signal.aborted) {
      try {
        await step();
      } catch (error) {
        if (this.ending.signal.aborted) return;
        this.options.log.warn({ err: error }, 'what is sealed was not summed up; it is tried again');
      }
      await this.rest(intervalMs);
    }
  }

  private async rest(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.ending.signal }).catch(() => undefined);
  }
}
