import { backoffMs } from './backoff.js';

/** The part of a logger that the loops need: fields first, then the message. */
export type Log = {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
};

export type WakeableLoopOptions = {
  readonly name: string;
  readonly log: Log;
  /** Does what there is to do and gives the milliseconds to rest; `wake` cuts the rest short. */
  readonly step: () => Promise<number>;
};

/** Repeats a step until closed. A fault is logged and the step tried again, later and later up to a bound. */
export class WakeableLoop {
  private readonly options: WakeableLoopOptions;
  private running: Promise<void> | null = null;
  private closing = false;
  private woken = false;
  private endRest: (() => void) | null = null;

  constructor(options: WakeableLoopOptions) {
    this.options = options;
  }

  start(): void {
    this.running ??= this.run();
  }

  /** Ends the rest under way, or skips the next one when the step is at work. */
  wake(): void {
    this.woken = true;
    this.endRest?.();
  }

  /** Lets the step under way finish and stops. */
  async close(): Promise<void> {
    this.closing = true;
    this.endRest?.();
    await this.running;
  }

  private async run(): Promise<void> {
    const { name, log, step } = this.options;
    let faults = 0;
    while (!this.closing) {
      this.woken = false;
      try {
        await this.rest(await step());
        if (faults > 0) log.info({ loop: name }, 'working again');
        faults = 0;
      } catch (error) {
        const pauseMs = backoffMs(faults);
        if (faults === 0) log.warn({ loop: name, err: error, pauseMs }, 'fault, trying again');
        faults += 1;
        await this.rest(pauseMs, { wakeable: false });
      }
    }
  }

  /** After a fault the rest is not to be cut short by wakes: they would turn the back-off into a storm. */
  private async rest(restMs: number, { wakeable } = { wakeable: true }): Promise<void> {
    if (this.closing || (wakeable && this.woken) || restMs <= 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, restMs);
      this.endRest = () => {
        if (!wakeable && !this.closing) return;
        clearTimeout(timer);
        resolve();
      };
    });
    this.endRest = null;
  }
}
