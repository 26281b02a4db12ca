/** The part of what a payment takes anyway that it may wait for others to go with. */
const waitShare = 0.03;
/** Below that a wait brings nobody: where payments end within moments, each goes at once. */
const waitLeastMs = 5;
const waitMostMs = 30;
/** How much the last payment weighs in what they take of late. */
const lastWeight = 1 / 16;

/**
 * Lets those in together who come shortly after each other, while payments take long because blocks do: one question to the
 * node, one reservation and one commit are then for many. Who comes when nobody went in just now waits for nobody.
 */
export class Boarding {
  #takesMs = 0;
  #openedAtMs = Number.NEGATIVE_INFINITY;
  #next: Promise<void> | undefined;

  /** Resolves when it is one's turn. */
  async board(): Promise<void> {
    const waitMs = this.#openedAtMs + this.#intervalMs() - performance.now();
    if (this.#next === undefined && waitMs <= 0) {
      this.#openedAtMs = performance.now();
      return;
    }
    this.#next ??= new Promise((resolve) => {
      setTimeout(() => {
        this.#next = undefined;
        this.#openedAtMs = performance.now();
        resolve();
      }, waitMs);
    });
    await this.#next;
  }

  /** How long one took that was settled, from its turn to its answer. */
  settled(tookMs: number): void {
    this.#takesMs += (tookMs - this.#takesMs) * lastWeight;
  }

  #intervalMs(): number {
    const waitMs = this.#takesMs * waitShare;
    return waitMs < waitLeastMs ? 0 : Math.min(waitMs, waitMostMs);
  }
}
