import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

import { type EvmPayment, rememberSigner, type SignerQuestion, signerQuestionOf } from '@quittance/exact-evm';
import type { Address } from 'viem';

import { decodeAnswers, encodeQuestions } from './signer-bytes.js';

/** Works out whose keys signed payments before they are judged, while the chain is asked. */
export type SignersAhead = {
  /** Never rejects: what it does not work out is worked out where it is needed. */
  ahead(payments: readonly EvmPayment[]): Promise<void>;
};

/** So long a judgment waits for the thread; beyond it is quicker to do the work oneself. */
const answerWaitDefaultMs = 250;
/** As compiled, from here and from the compiled form of here: a thread does not know the sources' conventions. */
const workerFile = '../dist/signer-thread.worker.js';

export type SignerThreadOptions = {
  readonly onFailure: (fault: Error) => void;
  readonly answerWaitMs?: number;
};

type Answer = (signers: readonly (Address | undefined)[]) => void;

/**
 * A thread that recovers signers: that is the dearest part of a verification, and all else has to share one thread. It is of
 * use and never needed: until it is ready, and where it fails, the work is done by who judges. It starts with the first
 * payments, and ends by itself: one that is terminated while it loads native code takes the whole process along.
 */
export class SignerThread implements SignersAhead {
  readonly #options: SignerThreadOptions;
  #worker: Worker | undefined;
  #state: 'new' | 'starting' | 'ready' | 'ended' = 'new';
  /** Those asked and not answered, in their order: so they are answered. */
  readonly #asked: Answer[] = [];

  constructor(options: SignerThreadOptions) {
    this.#options = options;
  }

  async ahead(payments: readonly EvmPayment[]): Promise<void> {
    if (this.#state === 'new') this.#start();
    if (this.#worker === undefined || this.#state !== 'ready') return;
    const asked = payments.flatMap((payment) => {
      const question = signerQuestionOf(payment);
      return question === undefined ? [] : [{ payment, question }];
    });
    if (asked.length === 0) return;
    const signers = await this.#ask(
      this.#worker,
      asked.map(({ question }) => question),
    );
    // Short where the thread ended, or took too long.
    signers.forEach((signer, index) => {
      const payment = asked[index]?.payment;
      if (payment !== undefined) rememberSigner(payment, signer);
    });
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    this.#end();
    if (worker === undefined) return;
    const ended = once(worker, 'exit');
    worker.ref();
    worker.postMessage(null);
    await ended;
  }

  #start(): void {
    const { onFailure } = this.#options;
    const worker = new Worker(new URL(workerFile, import.meta.url));
    worker.unref();
    worker.on('message', (answers: Uint8Array<ArrayBuffer> | null) => {
      if (answers !== null) this.#asked.shift()?.(decodeAnswers(answers));
      else if (this.#state === 'starting') this.#state = 'ready';
    });
    worker.on('error', (fault) => onFailure(fault instanceof Error ? fault : new Error(String(fault))));
    worker.on('exit', () => this.#end());
    this.#worker = worker;
    this.#state = 'starting';
  }

  #ask(worker: Worker, questions: readonly SignerQuestion[]): Promise<readonly (Address | undefined)[]> {
    const bytes = encodeQuestions(questions);
    return new Promise((resolve) => {
      const overdue = setTimeout(() => resolve([]), this.#options.answerWaitMs ?? answerWaitDefaultMs);
      this.#asked.push((answers) => {
        clearTimeout(overdue);
        resolve(answers);
      });
      worker.postMessage(bytes, [bytes.buffer]);
    });
  }

  #end(): void {
    this.#worker = undefined;
    this.#state = 'ended';
    for (const answer of this.#asked.splice(0)) answer([]);
  }
}
