/** A bell that remembers: a ring while nobody waits ends the next wait at once. */
export class Wakeup {
  #rung = false;
  #ring: (() => void) | undefined;

  wake(): void {
    this.#rung = true;
    this.#ring?.();
  }

  /** Whether it rang since it was last answered; it is now. */
  answer(): boolean {
    const rung = this.#rung;
    this.#rung = false;
    return rung;
  }

  /** Waits for a ring, at most `limitMs`, or until `signal` aborts; tells whether it rang. */
  async wait(limitMs: number, signal: AbortSignal): Promise<boolean> {
    if (!this.#rung && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(end, limitMs);
        function end(): void {
          clearTimeout(timer);
          signal.removeEventListener('abort', end);
          resolve();
        }
        this.#ring = end;
        signal.addEventListener('abort', end);
      });
      this.#ring = undefined;
    }
    return this.answer();
  }
}
