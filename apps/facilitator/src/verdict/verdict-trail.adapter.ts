import { type Database, DatabaseConstraintError } from '@quittance/database';
import type { Logger } from '@quittance/observability';

import { Repeating } from '../loop/repeating.loop.js';
import { Gathering } from '../payment/gathering.js';
import type { VerdictRecord } from './verdict-record.js';
import { keepVerdicts, verdictValues } from './verdict-row.js';

/** Verdicts in one statement. */
const verdictsMax = 500;
/** One that is slow to commit must not keep all others waiting. */
const runsMax = 2;
/** Good payments are answered when their verdicts are safe; under load they share a commit, at a little wait each. */
const companyMs = 1;
/** How long a refusal may be remembered by this process alone. */
const behindMs = 200;
/** Refusals that may be; those beyond wait like good payments, so that the memory they take is bounded and none is lost. */
export const behindMax = 10_000;

export type VerdictTrailOptions = {
  readonly database: Pick<Database, 'sql'>;
  readonly logger: Logger;
  readonly behindMax?: number;
  readonly behindMs?: number;
};

/**
 * Keeps every verdict. One that is good is safe in the database before it is answered; a refusal, of which nobody makes
 * anything, is answered first and written with others a moment later.
 */
export class VerdictTrail {
  readonly #durable: Gathering<VerdictRecord, undefined>;
  readonly #database: Pick<Database, 'sql'>;
  readonly #logger: Logger;
  readonly #behindMax: number;
  readonly #loop: Repeating;
  #behind: VerdictRecord[] = [];

  constructor({ database, logger, ...limits }: VerdictTrailOptions) {
    this.#database = database;
    this.#logger = logger;
    this.#behindMax = limits.behindMax ?? behindMax;
    this.#durable = new Gathering({
      run: (records) => this.#write(records),
      itemsMax: verdictsMax,
      runsMax,
      companyMs,
      isOfOneItem: isRefused,
    });
    this.#loop = new Repeating({
      name: 'verdict trail',
      logger,
      restMs: limits.behindMs ?? behindMs,
      step: () => this.#writeBehind(),
    });
  }

  start(): void {
    this.#loop.start();
  }

  /** Writes what is left. A fault of the database ends it too: what could not be written is told. */
  async close(): Promise<void> {
    await this.#loop.close();
    await this.#writeBehind();
  }

  /** Refusals that only this process knows of. */
  get behind(): number {
    return this.#behind.length;
  }

  /**
   * Keeps a verdict. Resolves for a good one when it is safe, for a refusal at once, or when it is safe too while too many
   * others wait.
   *
   * @throws the database's fault: then there is nothing to answer with.
   */
  async keep(record: VerdictRecord): Promise<void> {
    if (record.reason === null || this.#behind.length >= this.#behindMax) await this.#durable.ask(record);
    else this.#behind.push(record);
  }

  async #writeBehind(): Promise<'again'> {
    while (this.#behind.length > 0) {
      const next = this.#behind.slice(0, verdictsMax);
      await this.#writeEach(next);
      // Only now: what a fault kept from being written is tried again.
      this.#behind.splice(0, next.length);
    }
    return 'again';
  }

  /** One that the database will never take, which would be a defect of ours, must not keep back all others. */
  async #writeEach(records: readonly VerdictRecord[]): Promise<void> {
    try {
      await this.#write(records);
    } catch (fault) {
      if (!isRefused(fault)) throw fault;
      const [only, ...more] = records;
      if (only !== undefined && more.length === 0)
        this.#logger.error({ err: fault, only }, 'a verdict cannot be kept');
      else for (const record of records) await this.#writeEach([record]);
    }
  }

  async #write(records: readonly VerdictRecord[]): Promise<undefined[]> {
    await this.#database.sql(keepVerdicts, verdictValues(records));
    return records.map(() => undefined);
  }
}

function isRefused(fault: unknown): boolean {
  return fault instanceof DatabaseConstraintError;
}
