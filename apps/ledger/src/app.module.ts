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

import { AssetDirectory } from './asset/asset-directory.js';
import type { AccessToken } from './access/access-token.js';
import { StandingRepository } from './checker/standing.repository.js';
import type { Config } from './config.js';
import type { Tariff } from './merchant/tariff.js';
import { PaymentController } from './payment/payment.controller.js';
import { PaymentRepository } from './payment/payment.repository.js';
import { ClosingModule } from './period/closing.module.js';
import { PostingFigures } from './posting/posting-figures.js';
import { PostingConsumer } from './posting/posting.consumer.js';
import { PostingRepository } from './posting/posting.repository.js';
import { ReconciliationModule } from './reconciliation/reconciliation.module.js';
import type { ReconciliationSetting } from './reconciliation/reconciliation-setting.js';
import type { CheckpointSigner } from './proof/checkpoint-key.adapter.js';
import { ProofModule } from './proof/proof.module.js';
import { reportingControllers, reportingProviders } from './report/reporting.provider.js';
import { Startup } from './startup.provider.js';

const applicationName = 'quittance_ledger';
const postingPoolSize = 8;
const postingTimeoutMs = 10_000;
const readingPoolSize = 5;
const readingTimeoutMs = 5_000;
const reconcilingPoolSize = 4;
const reconcilingTimeoutMs = 30_000;
const sealingPoolSize = 2;
/** Reads find few rows by key: to compile them or to start helpers for them takes longer than they do. */
const quickReads = {
  jit: 'off',
  max_parallel_workers_per_gather: '0',
  random_page_cost: '1.1',
  plan_cache_mode: 'force_generic_plan',
};
const closingPoolSize = 6;
/** Everything may be recomputed, which takes what it takes. */
const closingTimeoutMs = 600_000;
const closingTransactionMs = 1_800_000;

/** What the service is made of besides Nest: bound here, and nowhere else. */
export type Parts = {
  readonly log: Logger;
  /** A pool of its own for reports: however long they take, postings do not wait for a connection. */
  readonly reading: Database;
  readonly posting: Database;
  /** For checks and closes, which take longer than anybody waits for a report. */
  readonly closing: Database;
  readonly reconciling: Database;
  readonly reconciliation: ReconciliationSetting | null;
  readonly sealing: Database;
  readonly signer: CheckpointSigner | null;
  readonly checkpointSeconds: number;
  readonly accessTokens: readonly AccessToken[] | null;
  readonly transport: EventTransport;
  readonly assets: AssetDirectory;
  readonly tariff: Tariff;
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
      sessionSettings: quickReads,
    }),
    closing: Database.connect({
      ...pool('closing'),
      poolSize: closingPoolSize,
      statementTimeoutMs: closingTimeoutMs,
      transactionTimeoutMs: closingTransactionMs,
    }),
    reconciling: Database.connect({
      ...pool('reconciling'),
      poolSize: reconcilingPoolSize,
      statementTimeoutMs: reconcilingTimeoutMs,
      planByIndex: true,
    }),
    reconciliation: config.reconciliation,
    sealing: Database.connect({
      ...pool('sealing'),
      poolSize: sealingPoolSize,
      statementTimeoutMs: postingTimeoutMs,
      planByIndex: true,
      // To compile what reads some thousand rows takes longer than to read them.
      sessionSettings: { jit: 'off' },
    }),
    signer: config.signer,
    checkpointSeconds: config.checkpointSeconds,
    accessTokens: config.accessTokens,
    transport: createTransport({
      ...config.transport,
      databaseUrl: url,
      clientId: applicationName,
      logger: log,
    }),
    assets: new AssetDirectory(config.assets),
    tariff: config.tariff,
    metrics: new Metrics({ service: 'ledger' }),
  };
}

@Module({})
export class AppModule {
  static create(parts: Parts, onSchemaMissing: (error: DatabaseSchemaMissingError) => void): DynamicModule {
    const { log, reading, posting, closing, reconciling, sealing, transport, assets, tariff, metrics } =
      parts;
    const standing = new StandingRepository(reading);
    const checks: HealthCheck[] = [
      { name: 'database', check: () => posting.ping() },
      { name: 'transport', check: () => transport.ping() },
      // Read-only books are read, and whoever opens them again has to reach them.
      { name: 'books', check: () => standing.ping(), whenDown: 'ready' },
    ];
    return {
      module: AppModule,
      imports: [
        HealthModule.register({ useFactory: () => checks }),
        MetricsModule.register({ useFactory: () => metrics }),
        ClosingModule.create(parts),
        ReconciliationModule.create(parts),
        ProofModule.create(parts),
      ],
      controllers: [...reportingControllers, PaymentController, PostingConsumer],
      providers: [
        { provide: AssetDirectory, useValue: assets },
        { provide: Database, useValue: reading },
        { provide: PostingFigures, useFactory: () => new PostingFigures(metrics) },
        {
          provide: PostingRepository,
          useFactory: (figures: PostingFigures) =>
            new PostingRepository(posting, {
              tariff,
              onReorgAfterFinal: ({ id, data }) => {
                figures.reorgedAfterFinal(data.chainId);
                log.error(
                  { alarm: 'reorged_after_final', eventId: id, chainId: data.chainId },
                  'a final block left the chain',
                );
              },
            }),
          inject: [PostingFigures],
        },
        {
          provide: Startup,
          useFactory: () =>
            new Startup({
              databases: [posting, reading, closing, reconciling, sealing],
              log,
              onSchemaMissing,
            }),
        },
        PaymentRepository,
        ...reportingProviders({ closing, metrics, log }),
      ],
    };
  }
}
