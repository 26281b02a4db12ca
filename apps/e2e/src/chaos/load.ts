import { setTimeout as sleep } from 'node:timers/promises';

import type { Anvil } from '@quittance/testing';

import { eventually, post } from '../http.js';
import { defaultAmount, type Payer, type SignedPayment } from '../payer.js';
import type { SeededRandom } from '../random.js';
import { merchantInChaos } from './merchant.js';

/** What a seller was told in the end about a payment, and on the way there. */
export type Ending = {
  readonly payment: SignedPayment;
  readonly success: boolean;
  readonly reason: string;
  readonly transaction: string;
  /** Answers on the way that said "pending" and named no transaction: each a hash missing from a reply. */
  readonly pendingWithoutHash: number;
  readonly tookMs: number;
};

export type LoadOptions = {
  readonly chain: Anvil;
  /** Asked in turn; some of them may be down. */
  readonly facilitatorUrls: readonly string[];
  readonly payers: readonly Payer[];
  readonly atOnce: number;
  readonly random: SeededRandom;
};

const outcomeMaxMs = 240_000;
const retryDelayMs = 250;
const pauseMaxMs = 800;
/** Every so many payments are asked for twice at the same time, as a nervous seller does. */
const twiceEvery = 7;

/** Sellers who settle one payment after the other and want their money: they ask until there is an outcome. */
export class Load {
  readonly endings: Ending[] = [];
  readonly faults: string[] = [];
  /** Payments that somebody may land from outside, newest last. */
  readonly open: SignedPayment[] = [];
  #working = true;
  #asked = 0;
  readonly #sellers: Promise<void>[];

  constructor(private readonly options: LoadOptions) {
    this.#sellers = Array.from({ length: options.atOnce }, (_, index) => this.#sell(index));
  }

  /** Begins no payment more, and waits for the outcome of all that were. */
  async finish(): Promise<void> {
    this.#working = false;
    await Promise.all(this.#sellers);
  }

  async #sell(seller: number): Promise<void> {
    const { payers, chain, random } = this.options;
    const payer = payers[seller % payers.length];
    while (this.#working && payer !== undefined) {
      const payment = await payer.pay(chain, { payTo: merchantInChaos, amount: defaultAmount });
      this.open.push(payment);
      this.#asked += 1;
      try {
        const asks = this.#asked % twiceEvery === 0 ? 2 : 1;
        const [ending, again] = await Promise.all(
          Array.from({ length: asks }, () => this.#settleToTheEnd(payment)),
        );
        if (ending !== undefined) this.endings.push(ending);
        if (
          again !== undefined &&
          again.transaction !== ending?.transaction &&
          again.success !== ending?.success
        )
          this.faults.push(`payment ${payment.id} got two different answers`);
      } catch (fault) {
        this.faults.push(String(fault));
      }
      this.open.splice(this.open.indexOf(payment), 1);
      await sleep(random.below(pauseMaxMs));
    }
  }

  /** Asks until there is an outcome, and never more than that. */
  async #settleToTheEnd(payment: SignedPayment): Promise<Ending> {
    const from = performance.now();
    let pendingWithoutHash = 0;
    let turn = this.#asked;
    return eventually(
      `payment ${payment.id} gets an outcome`,
      async () => {
        turn += 1;
        const url = this.options.facilitatorUrls[turn % this.options.facilitatorUrls.length];
        try {
          const { status, body } = await post(`${url}/settle`, payment.body);
          const reason = String(body['errorReason'] ?? '');
          const transaction = String(body['transaction'] ?? '');
          if (status === 200 && reason !== 'settlement_pending')
            return {
              payment,
              success: body['success'] === true,
              reason,
              transaction,
              pendingWithoutHash,
              tookMs: performance.now() - from,
            };
          if (status === 200 && !/^0x[0-9a-f]{64}$/.test(transaction)) pendingWithoutHash += 1;
        } catch (error) {
          // The facilitator was killed, and its caller sees a broken connection. (By name: Jest has a TypeError of its own.)
          if ((error as Error).name !== 'TypeError') throw error;
        }
        await sleep(retryDelayMs);
        return undefined;
      },
      outcomeMaxMs,
    );
  }
}
