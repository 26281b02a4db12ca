import { type DynamicModule, Module } from '@nestjs/common';
import { EvmChain, type EvmNetwork } from '@quittance/chain';
import type { Database } from '@quittance/database';
import type { Logger, Metrics } from '@quittance/observability';

import { WriteRepository } from '../access/write.repository.js';
import type { AssetDirectory } from '../asset/asset-directory.js';
import { EntryPoster } from '../posting/entry-poster.repository.js';
import { BookedRepository } from './booked.repository.js';
import { BooksView } from './books-view.repository.js';
import { BreakController } from './break.controller.js';
import { BreakListRepository } from './break-list.repository.js';
import { EvmChainReader } from './chain-reader.adapter.js';
import { ChainReconciliation } from './chain-reconciliation.repository.js';
import { OwnWalletRepository } from './own-wallet.repository.js';
import { PlacementRepository } from './placement.repository.js';
import { ProgressRepository } from './progress.repository.js';
import { ReconciliationController } from './reconciliation.controller.js';
import { type LoopOptions, ReconciliationLoops } from './reconciliation.loop.js';
import { showReconciliation } from './reconciliation-figures.js';
import { ownWalletsOf, type ReconciliationSetting } from './reconciliation-setting.js';
import { RunRepository } from './run.repository.js';
import { RunListRepository } from './run-list.repository.js';

export type ReconciliationParts = {
  /** A pool of its own, which looks everything up by keys: a comparison must not wait for reports, nor they for it. */
  readonly reconciling: Database;
  readonly reading: Database;
  readonly assets: AssetDirectory;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Null where no chain is compared: what was found before can be read all the same. */
  readonly reconciliation: ReconciliationSetting | null;
};

/** A final block is compared this long after it was seen: until then its events may be on their way. */
const graceMs = 10_000;

/** The books and the chains: compared, and what they do not agree on. */
@Module({})
export class ReconciliationModule {
  static create(parts: ReconciliationParts): DynamicModule {
    const { reconciling, reading, assets, metrics, reconciliation } = parts;
    const runs = new RunListRepository(reading);
    const loops = (reconciliation?.networks ?? []).map((network) => loopOf(network, parts));
    showReconciliation(metrics, runs, () => new Date());
    return {
      module: ReconciliationModule,
      controllers: [BreakController, ReconciliationController],
      providers: [
        { provide: BreakListRepository, useFactory: () => new BreakListRepository(reading, assets) },
        { provide: RunListRepository, useValue: runs },
        { provide: WriteRepository, useFactory: () => new WriteRepository(reconciling) },
        { provide: ReconciliationLoops, useFactory: () => new ReconciliationLoops(loops) },
      ],
    };
  }
}

function loopOf(
  network: EvmNetwork,
  { reconciling: database, reconciliation, log }: ReconciliationParts,
): LoopOptions {
  const chain = EvmChain.connect(network);
  const reader = new EvmChainReader(chain);
  const { chainId, pollIntervalMs } = network;
  return {
    chainId,
    mode: reconciliation?.mode ?? 'demand',
    reader,
    reconciliation: new ChainReconciliation({
      chainId,
      reader,
      database,
      booked: new BookedRepository(database),
      view: new BooksView(database),
      wallets: new OwnWalletRepository(database),
      progress: new ProgressRepository(database),
      runs: new RunRepository(database),
      placement: new PlacementRepository(database),
      poster: new EntryPoster(database),
      own: ownWalletsOf(network, reconciliation?.treasuries ?? {}),
      graceMs,
    }),
    pollIntervalMs,
    graceMs,
    close: () => chain.close(),
    log,
  };
}
