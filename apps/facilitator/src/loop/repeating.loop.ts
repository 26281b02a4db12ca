import type { Logger } from '@quittance/observability';

export type RepeatingOptions = {
  readonly name: string;
  readonly logger: Logger;
  readonly restMs: number;
  /** Does what there is to do; a fault is logged and met again after the next rest. */
  readonly step: () => Promise<'again' | 'done'>;
};

/** Repeats a step with a rest in between, until it says it is done or the loop is closed. */
export class Repeating {
  readonly #options: RepeatingOptions;
  #running: Promise<void> | undefined;
  #closing = false;
  #endRest: (() => void) | undefined;

  constructor(options: RepeatingOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Lets the step under way finish and stops. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#endRest?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { name, logger, restMs, step } = this.#options;
    let failing = false;
    while (!this.#closing) {
      try {
        if ((await step()) === 'done') return;
        if (failing) logger.info({ loop: name }, 'works again');
        failing = false;
      } catch (error) {
        // Once an outage, not once a second.
        if (!failing) logger.warn({ loop: name, err: error }, 'does not work now, and is tried again');
        failing = true;
      }
      await this.#rest(restMs);
    }
  }

  async #rest(restMs: number): Promise<void> {
    if (this.#closing) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, restMs);
      this.#endRest = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
