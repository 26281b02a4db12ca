import { parentPort, workerData } from 'node:worker_threads';

import type { Anvil } from '@quittance/testing';
import type { Address } from 'viem';

import { Payer } from '../../payer.js';
import type { PreparedPayment } from './prepared-payments.js';

/**
 * A thread that holds funded payers and signs payments of theirs: signing takes a millisecond each, and tens of
 * thousands are wanted before a clock starts.
 */
export type SigningOrder = { readonly count: number };
export type SigningWorkerData = {
  readonly chain: Pick<Anvil, 'chainId' | 'rpcUrl'>;
  readonly payers: number;
  readonly merchants: readonly Address[];
};

const pocketMoney = 1_000_000_000_000n;
const amount = 1_000n;

const { chain, payers: payerCount, merchants } = workerData as SigningWorkerData;
const payers = await Promise.all(
  Array.from({ length: payerCount }, async () => Payer.funded(chain as Anvil, pocketMoney)),
);
let signed = 0;

async function sign(): Promise<PreparedPayment> {
  const payer = payers[signed % payers.length];
  const payTo = merchants[signed % merchants.length];
  if (payer === undefined || payTo === undefined) throw new TypeError('nobody to pay, or to be paid');
  signed += 1;
  const { nonce, body } = await payer.pay(chain, { payTo, amount });
  return { nonce, body: JSON.stringify(body) };
}

parentPort?.on('message', ({ count }: SigningOrder) => {
  void (async () => {
    const payments: PreparedPayment[] = [];
    while (payments.length < count) payments.push(await sign());
    parentPort?.postMessage(payments);
  })();
});
parentPort?.postMessage([]);
