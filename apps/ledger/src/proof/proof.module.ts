import { type DynamicModule, Module } from '@nestjs/common';
import { Database } from '@quittance/database';
import type { Logger, Metrics } from '@quittance/observability';

import { readBacklog } from './backlog.repository.js';
import type { CheckpointSigner } from './checkpoint-key.adapter.js';
import { CheckpointRepository } from './checkpoint.repository.js';
import { ProofController } from './proof.controller.js';
import { ProofFilesRepository } from './proof-files.repository.js';
import { ProofRepository } from './proof.repository.js';
import { SealFigures } from './seal-figures.js';
import { SealLoop } from './seal.loop.js';
import { SealingRepository } from './sealing.repository.js';

export type ProofParts = {
  /** For sealing alone: postings and reports never wait for it, nor it for them. */
  readonly sealing: Database;
  readonly reading: Database;
  /** Null where no key is set: the books are sealed, and not signed. */
  readonly signer: CheckpointSigner | null;
  readonly checkpointSeconds: number;
  readonly metrics: Metrics;
  readonly log: Logger;
};

/** Seals the books, signs them, and proves what is in them. */
@Module({})
export class ProofModule {
  static create(parts: ProofParts): DynamicModule {
    const { sealing, reading, signer, checkpointSeconds, metrics, log } = parts;
    return {
      module: ProofModule,
      controllers: [ProofController],
      providers: [
        { provide: ProofRepository, useFactory: () => new ProofRepository(reading) },
        { provide: ProofFilesRepository, useFactory: () => new ProofFilesRepository(reading) },
        {
          provide: SealLoop,
          useFactory: () =>
            new SealLoop({
              sealing: new SealingRepository(sealing),
              checkpoints: signer === null ? null : new CheckpointRepository(sealing, signer),
              checkpointSeconds,
              figures: new SealFigures(metrics, () => readBacklog(reading)),
              log,
            }),
        },
      ],
    };
  }
}
