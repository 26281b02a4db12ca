import { type DynamicModule, Module } from '@nestjs/common';
import { Database, type DatabaseOptions, type DatabaseSchemaMissingError } from '@quittance/database';
import { createTransport, type EventTransport } from '@quittance/messaging';
import {
  type HealthCheck,
  HealthModule,
  type Logger,
  Metrics,
  MetricsModule,
} from '@quittance/observability';

import { AccountController } from './account/account.controller.js';
import { AccountRepository } from './account/account.repository.js';
import { AssetDirectory } from './asset/asset-directory.js';
import { BalanceController } from './balance/balance.controller.js';
import { BalanceRepository } from './balance/balance.repository.js';
import type { Config } from './config.js';
import { PaymentController } from './payment/payment.controller.js';
import { PaymentRepository } from './payment/payment.repository.js';
import { PostingFigures } from './posting/posting-figures.js';
import { PostingConsumer } from './posting/posting.consumer.js';
import { PostingRepository } from './posting/posting.repository.js';
import { Startup } from './startup.provider.js';
import { TransactionController } from './transaction/transaction.controller.js';
import { TransactionRepository } from './transaction/transaction.repository.js';
import { TrialBalanceController } from './trial-balance/trial-balance.controller.js';
import { TrialBalanceRepository } from './trial-balance/trial-balance.repository.js';

const applicationName = 'quittance_ledger';
const postingPoolSize = 8;
const postingTimeoutMs = 10_000;
const readingPoolSize = 5;
const readingTimeoutMs = 5_000;

/** What the service is made of besides Nest: bound here, and nowhere else. */
export type Parts = {
  readonly log: Logger;
  /** A pool of its own for reports: however long they take, postings do not wait for a connection. */
  readonly reading: Database;
  readonly posting: Database;
  readonly transport: EventTransport;
  readonly assets: AssetDirectory;
  readonly metrics: Metrics;
};

export function createParts(config: Config, log: Logger): Parts {
  const { databaseUrl: url } = config;
  const pool = (use: string): Pick<DatabaseOptions, 'url' | 'applicationName'> => ({
    url,
    applicationName: `${applicationName}_${use}`,
  });
  return {
    log,
    posting: Database.connect({
      ...pool('posting'),
      poolSize: postingPoolSize,
      statementTimeoutMs: postingTimeoutMs,
      planByIndex: true,
    }),
    reading: Database.connect({
      ...pool('reading'),
      poolSize: readingPoolSize,
      statementTimeoutMs: readingTimeoutMs,
    }),
    transport: createTransport({
      ...config.transport,
      databaseUrl: url,
      clientId: applicationName,
      logger: log,
    }),
    assets: new AssetDirectory(config.assets),
    metrics: new Metrics({ service: 'ledger' }),
  };
}

@Module({})
export class AppModule {
  static create(parts: Parts, onSchemaMissing: (error: DatabaseSchemaMissingError) => void): DynamicModule {
    const { log, reading, posting, transport, assets, metrics } = parts;
    const checks: HealthCheck[] = [
      { name: 'database', check: () => posting.ping() },
      { name: 'transport', check: () => transport.ping() },
    ];
    return {
      module: AppModule,
      imports: [
        HealthModule.register({ useFactory: () => checks }),
        MetricsModule.register({ useFactory: () => metrics }),
      ],
      controllers: [
        AccountController,
        BalanceController,
        PaymentController,
        PostingConsumer,
        TransactionController,
        TrialBalanceController,
      ],
      providers: [
        { provide: AssetDirectory, useValue: assets },
        { provide: Database, useValue: reading },
        { provide: PostingFigures, useFactory: () => new PostingFigures(metrics) },
        { provide: PostingRepository, useFactory: () => new PostingRepository(posting) },
        {
          provide: Startup,
          useFactory: () => new Startup({ databases: [posting, reading], log, onSchemaMissing }),
        },
        AccountRepository,
        BalanceRepository,
        PaymentRepository,
        TransactionRepository,
        TrialBalanceRepository,
      ],
    };
  }
}
