import type { PaymentId } from '@quittance/protocol';

/** What was asked so long ago has to be asked anew. */
const freshMs = 500;
/** Payments at most whose trials are remembered; the oldest makes room. */
const foreseenMax = 16;

type Foreseen = { readonly goesThrough: Promise<boolean>; readonly atMs: number };

/** Trials that are begun while their payments are on their way into the queue: each counts once, and not for long. */
export class Foresight {
  readonly #foreseen = new Map<PaymentId, Foreseen>();

  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  /** A fault is as good as no trial: whoever needs to know asks again. */
  begin(paymentId: PaymentId, trial: () => Promise<boolean>): void {
    const [oldest] = this.#foreseen.keys();
    if (oldest !== undefined && this.#foreseen.size >= foreseenMax) this.#foreseen.delete(oldest);
    const goesThrough = trial().catch(() => false);
    this.#foreseen.set(paymentId, { goesThrough, atMs: this.nowMs() });
  }

  /** Whether a trial begun just now said that the payment goes through; false says nothing. */
  async saysGo(paymentId: PaymentId): Promise<boolean> {
    const foreseen = this.#foreseen.get(paymentId);
    this.#foreseen.delete(paymentId);
    if (foreseen === undefined || this.nowMs() - foreseen.atMs > freshMs) return false;
    return foreseen.goesThrough;
  }
}
