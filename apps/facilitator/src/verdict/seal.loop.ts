import type { Database } from '@quittance/database';
import type { Logger } from '@quittance/observability';

import { Repeating } from '../loop/repeating.loop.js';

const intervalMs = 5_000;
/** Verdicts in one seal, about: those of one transaction stay together. */
const verdictsMax = 10_000;

type SealRow = { readonly seal: string; readonly verdicts: string; readonly digest: string };

/**
 * Seals the verdicts since the last seal with a hash over them and it, beside the requests. Replicas take turns in the
 * database. Each seal is logged: whoever keeps the log can tell later that no seal is missing at the end.
 */
export class Sealer {
  readonly #loop: Repeating;

  constructor(
    private readonly database: Pick<Database, 'sql'>,
    private readonly logger: Logger,
  ) {
    this.#loop = new Repeating({
      name: 'verdict sealer',
      logger,
      restMs: intervalMs,
      step: async () => {
        while ((await this.seal(verdictsMax)) >= verdictsMax);
        return 'again';
      },
    });
  }

  start(): void {
    this.#loop.start();
  }

  close(): Promise<void> {
    return this.#loop.close();
  }

  /** Makes one seal, if there is something to seal, and gives how many verdicts it is of. */
  async seal(max: number): Promise<number> {
    const [sealed] = await this.database.sql<SealRow>(
      'SELECT seal, verdicts, digest FROM facilitator.seal_verdicts($1)',
      [max],
    );
    if (sealed === undefined) return 0;
    this.logger.info(
      { seal: sealed.seal, verdicts: sealed.verdicts, digest: sealed.digest },
      'verdicts sealed',
    );
    return Number(sealed.verdicts);
  }
}
