import type { Logger } from '@quittance/observability';

import { Repeating } from '../loop/repeating.loop.js';
import type { ChainStandings } from './chain-standing.repository.js';
import type { Intake } from './intake.js';

/** How old the knowledge of what a chain takes on can be. */
const refreshIntervalMs = 500;

/** Keeps what is known of chains fresh; while the database does not answer, what was known last holds. */
export class IntakeWatch {
  readonly #loop: Repeating;

  constructor(intake: Intake, standings: Pick<ChainStandings, 'read'>, logger: Logger) {
    const step = async (): Promise<'again'> => {
      await intake.refresh((chainIds, undecidedMax) => standings.read(chainIds, undecidedMax));
      return 'again';
    };
    this.#loop = new Repeating({ name: 'intake watch', logger, restMs: refreshIntervalMs, step });
  }

  start(): void {
    this.#loop.start();
  }

  close(): Promise<void> {
    return this.#loop.close();
  }
}
