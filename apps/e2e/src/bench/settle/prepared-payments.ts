import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

import { devUsdc, mintDevToken } from '@quittance/embedded';
import type { Anvil } from '@quittance/testing';
import { type Address, type Hex, pad, toHex } from 'viem';

import type { SigningOrder, SigningWorkerData } from './signing-worker.js';

/** A signed payment as it is sent: nothing is left to be done for it while the clock runs. */
export type PreparedPayment = { readonly nonce: Hex; readonly body: string };

const threads = 2;
const payersPerThread = 64;
const merchants: readonly Address[] = [1, 2, 3, 4].map((n) => pad(toHex(0xbeef00 + n), { size: 20 }));

/** Signs payments of many payers to a few merchants, each with an authorization of its own. */
export class PaymentPress {
  private constructor(private readonly workers: readonly Worker[]) {}

  static async start(chain: Anvil): Promise<PaymentPress> {
    // A merchant's first tokens cost more gas than all later ones: nobody's round should pay for that.
    for (const to of merchants) await mintDevToken(chain.rpcUrl, { token: devUsdc.address, to, amount: 1n });
    const workerData: SigningWorkerData = {
      chain: { chainId: chain.chainId, rpcUrl: chain.rpcUrl },
      payers: payersPerThread,
      merchants,
    };
    const workers: Worker[] = [];
    for (let n = 0; n < threads; n += 1) {
      const worker = new Worker(new URL('./signing-worker.js', import.meta.url), { workerData });
      await once(worker, 'message');
      workers.push(worker);
    }
    return new PaymentPress(workers);
  }

  async sign(count: number): Promise<PreparedPayment[]> {
    const order: SigningOrder = { count: Math.ceil(count / this.workers.length) };
    const signed = await Promise.all(
      this.workers.map(async (worker) => {
        worker.postMessage(order);
        const [payments] = (await once(worker, 'message')) as [PreparedPayment[]];
        return payments;
      }),
    );
    return mixed(signed).slice(0, count);
  }

  async stop(): Promise<void> {
    await Promise.all(this.workers.map(async (worker) => worker.terminate()));
  }
}

/** Takes one of each in turn, so that a payer comes up as seldom as possible. */
function mixed(stacks: readonly (readonly PreparedPayment[])[]): PreparedPayment[] {
  const longest = Math.max(...stacks.map(({ length }) => length));
  return Array.from({ length: longest }, (_, index) => stacks.flatMap((stack) => stack[index] ?? [])).flat();
}
