import { setTimeout as sleep } from 'node:timers/promises';

import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { Logger } from '@quittance/observability';

import { serviceActor } from '../access/role.js';
import type { BooksCheckRepository } from './books-check.repository.js';
import type { CheckRunRepository } from './check-run.repository.js';
import type { CheckerFigures } from './checker-figures.js';
import { type CheckReport, reasonOf, type Scope } from './finding.js';
import { type Extent, randomSlice } from './slice.js';

/** A random part of the books is checked this often. */
const sliceIntervalMs = 60_000;
/** How often somebody looks for checks that another process was asked for and did not end. */
const pendingIntervalMs = 60_000;

export type CheckerOptions = {
  readonly books: BooksCheckRepository;
  readonly runs: CheckRunRepository;
  readonly figures: CheckerFigures;
  readonly log: Logger;
  readonly random?: () => number;
};

/** Checks the books for as long as the service runs: a part each minute, everything when asked. */
@Injectable()
export class CheckerLoop implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly ending = new AbortController();
  private readonly random: () => number;
  private running: Promise<unknown> = Promise.resolve();
  private readonly slices = new Rest();
  private readonly pending = new Rest();

  constructor(private readonly options: CheckerOptions) {
    this.random = options.random ?? Math.random;
  }

  onApplicationBootstrap(): void {
    this.running = Promise.all([
      this.repeat(() => this.checkPending(), this.pending, pendingIntervalMs),
      // Processes that were started together do not check together.
      this.slices
        .for(sliceIntervalMs * this.random())
        .then(() => this.repeat(() => this.checkSlice(), this.slices, sliceIntervalMs)),
    ]);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.ending.abort();
    this.slices.end();
    this.pending.end();
    await this.running;
  }

  /** A check was asked for. */
  wake(): void {
    this.pending.end();
  }

  async checkSlice(): Promise<CheckReport> {
    const { books, runs } = this.options;
    const extent = randomSlice(await books.bounds(), this.random);
    const { id } = await runs.beginNow('slice', serviceActor);
    return this.check(id, 'slice', extent);
  }

  async checkPending(): Promise<void> {
    await this.options.runs.forEachPending(async (id) => {
      await this.check(id, 'full', {});
    });
  }

  private async check(id: string, scope: Scope, extent: Extent): Promise<CheckReport> {
    const { books, runs, figures, log } = this.options;
    const report = await books.check(extent);
    await runs.finish(id, scope, report);
    figures.checked(scope, report);
    if (report.drift.length > 0) {
      log.error(
        {
          alarm: 'ledger_drift',
          check: id,
          reason: reasonOf(scope, report.drift),
          drift: report.drift.slice(0, 10),
        },
        'the books do not agree with themselves: they are read-only, and postings wait',
      );
    }
    return report;
  }

  /** A fault is logged and the step done again in its time. */
  private async repeat(step: () => Promise<unknown>, rest: Rest, intervalMs: number): Promise<void> {
    while (!this.ending.signal.aborted) {
      try {
        await step();
      } catch (error) {
        if (this.ending.signal.aborted) return;
        this.options.log.warn(
          { err: error },
          'a check of the books did not come to its end; it is done again',
        );
      }
      await rest.for(intervalMs);
    }
  }
}

/** A rest that can be ended; ended while nobody rests, the next one is none. */
class Rest {
  private ending = new AbortController();

  async for(restMs: number): Promise<void> {
    await sleep(restMs, undefined, { signal: this.ending.signal }).catch(() => undefined);
    this.ending = new AbortController();
  }

  end(): void {
    this.ending.abort();
  }
}
