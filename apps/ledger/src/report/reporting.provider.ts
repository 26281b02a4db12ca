import type { Provider, Type } from '@nestjs/common';
import type { Database } from '@quittance/database';
import type { Logger, Metrics } from '@quittance/observability';

import { AccountController } from '../account/account.controller.js';
import { AccountRepository } from '../account/account.repository.js';
import { BalanceController } from '../balance/balance.controller.js';
import { BalanceRepository } from '../balance/balance.repository.js';
import { ExportController } from '../export/export.controller.js';
import { JournalSource } from '../export/journal-source.repository.js';
import { PlainTextRepository } from '../export/plain-text.repository.js';
import { StatementExportRepository } from '../export/statement-export.repository.js';
import { MomentRepository } from '../moment/moment.repository.js';
import { ReadingRepository } from '../moment/reading.repository.js';
import { AccountSumsRepository } from '../rollup/account-sums.repository.js';
import { BlockRepository } from '../rollup/block.repository.js';
import { HeadSumsRepository } from '../rollup/head-sums.repository.js';
import { RollUpFigures, RollUpLoop } from '../rollup/roll-up.loop.js';
import { RollUpRepository } from '../rollup/roll-up.repository.js';
import { LineWalkRepository } from '../statement/line-walk.repository.js';
import { StatementController } from '../statement/statement.controller.js';
import { StatementRepository } from '../statement/statement.repository.js';
import { TransactionController } from '../transaction/transaction.controller.js';
import { TransactionRepository } from '../transaction/transaction.repository.js';
import { TransactionSearch } from '../transaction/transaction-search.repository.js';
import { TrialBalanceController } from '../trial-balance/trial-balance.controller.js';
import { TrialBalanceRepository } from '../trial-balance/trial-balance.repository.js';
import { FeeReportRepository } from './fee-report.repository.js';
import { ReportController } from './report.controller.js';
import { ReportRepository } from './report.repository.js';

/** All that is read of the books. */
export const reportingControllers: Type[] = [
  AccountController,
  BalanceController,
  ExportController,
  ReportController,
  StatementController,
  TransactionController,
  TrialBalanceController,
];

/** They read from the injected Database and name assets by the injected AssetDirectory. */
export const reportingRepositories: Type[] = [
  AccountRepository,
  AccountSumsRepository,
  BalanceRepository,
  BlockRepository,
  FeeReportRepository,
  HeadSumsRepository,
  JournalSource,
  LineWalkRepository,
  MomentRepository,
  PlainTextRepository,
  ReadingRepository,
  ReportRepository,
  StatementExportRepository,
  StatementRepository,
  TransactionRepository,
  TransactionSearch,
  TrialBalanceRepository,
];

export type ReportingParts = {
  /** Patient: a large block takes seconds to sum up. */
  readonly closing: Database;
  readonly metrics: Metrics;
  readonly log: Logger;
};

export const reportingProviders = ({ closing, metrics, log }: ReportingParts): Provider[] => [
  ...reportingRepositories,
  {
    provide: RollUpLoop,
    useFactory: () =>
      new RollUpLoop({ rollUps: new RollUpRepository(closing), figures: new RollUpFigures(metrics), log }),
  },
];
