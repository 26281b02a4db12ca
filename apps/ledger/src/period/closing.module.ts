import { type DynamicModule, Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Database } from '@quittance/database';
import type { Logger, Metrics } from '@quittance/observability';

import { AccessLogRepository } from '../access/access-log.repository.js';
import { AccessGuard } from '../access/access.guard.js';
import type { AccessToken } from '../access/access-token.js';
import { WriteRepository } from '../access/write.repository.js';
import { AssetDirectory } from '../asset/asset-directory.js';
import { BooksCheckRepository } from '../checker/books-check.repository.js';
import { CheckController } from '../checker/check.controller.js';
import { CheckRunRepository } from '../checker/check-run.repository.js';
import { CheckerLoop } from '../checker/checker.loop.js';
import { CheckerFigures } from '../checker/checker-figures.js';
import { StandingController } from '../checker/standing.controller.js';
import { StandingRepository } from '../checker/standing.repository.js';
import { JournalController } from '../journal/journal.controller.js';
import { JournalRepository } from '../journal/journal.repository.js';
import { EntryPoster } from '../posting/entry-poster.repository.js';
import { ChecklistRepository } from './checklist.repository.js';
import { PeriodController } from './period.controller.js';
import { PeriodRepository } from './period.repository.js';

export type ClosingParts = {
  /** Patient: what is recomputed before a period is closed may be years of books. */
  readonly closing: Database;
  readonly reading: Database;
  readonly accessTokens: readonly AccessToken[] | null;
  readonly assets: AssetDirectory;
  readonly metrics: Metrics;
  readonly log: Logger;
};

/** Who may do what, journals by hand, the checker, and the close. */
@Module({})
export class ClosingModule {
  static create(parts: ClosingParts): DynamicModule {
    const { closing, reading, accessTokens, assets, metrics, log } = parts;
    const runs = new CheckRunRepository(closing);
    const standing = new StandingRepository(reading);
    const accessLog = new AccessLogRepository(closing, log, metrics);
    return {
      module: ClosingModule,
      controllers: [CheckController, JournalController, PeriodController, StandingController],
      providers: [
        {
          provide: APP_GUARD,
          useFactory: () => new AccessGuard(accessTokens, (read) => accessLog.note(read)),
        },
        { provide: AccessLogRepository, useValue: accessLog },
        { provide: AssetDirectory, useValue: assets },
        { provide: CheckRunRepository, useValue: runs },
        { provide: StandingRepository, useValue: standing },
        { provide: WriteRepository, useFactory: () => new WriteRepository(closing) },
        { provide: PeriodRepository, useFactory: () => new PeriodRepository(closing) },
        {
          provide: JournalRepository,
          useFactory: () => new JournalRepository(reading, new EntryPoster(closing), assets),
        },
        {
          provide: CheckerLoop,
          useFactory: () =>
            new CheckerLoop({
              books: new BooksCheckRepository(closing),
              runs,
              figures: new CheckerFigures(metrics, () => standing.isReadOnly()),
              log,
            }),
        },
        ChecklistRepository,
      ],
    };
  }
}
