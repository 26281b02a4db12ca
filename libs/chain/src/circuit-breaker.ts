export type BreakerLimits = {
  /** Faults in a row after which the circuit opens. */
  readonly faultsMax: number;
  /** How long it stays open at first; twice as long after each trial that fails. */
  readonly pauseMinMs: number;
  readonly pauseMaxMs: number;
};

/** Keeps questions away from an endpoint that only faults. Half-open, one trial decides. */
export class CircuitBreaker {
  readonly #limits: BreakerLimits;
  readonly #now: () => number;
  #faults = 0;
  #pauseMs = 0;
  #openUntil: number | undefined;

  constructor(limits: BreakerLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  get isClosed(): boolean {
    return this.#openUntil === undefined;
  }

  /** Whether the pause is over and a trial may tell if the endpoint is back. */
  get isTrialDue(): boolean {
    return this.#openUntil !== undefined && this.#now() >= this.#openUntil;
  }

  noteSuccess(): void {
    this.#faults = 0;
    this.#pauseMs = 0;
    this.#openUntil = undefined;
  }

  noteFault(): void {
    this.#faults += 1;
    // Answers still on their way when it opened say nothing about the trial.
    if (this.#openUntil !== undefined && !this.isTrialDue) return;
    if (this.#openUntil === undefined && this.#faults < this.#limits.faultsMax) return;
    const { pauseMinMs, pauseMaxMs } = this.#limits;
    this.#pauseMs = Math.min(Math.max(pauseMinMs, this.#pauseMs * 2), pauseMaxMs);
    this.#openUntil = this.#now() + this.#pauseMs;
  }
}
