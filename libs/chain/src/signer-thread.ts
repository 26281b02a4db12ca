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

/**
 * A thread that recovers signers: that is the dearest part of a verification, and all else has to share one thread. It is of
 * use and never needed: where it fails, the work is done by who judges.
 */
export class SignerThread implements SignersAhead {
  readonly #answerWaitMs: number;
  #worker: Worker | undefined;
  /** Those asked and not answered, in their order: so they are answered. */
  readonly #asked: Array<(answers: readonly (Address | undefined)[]) => void> = [];

  constructor({ onFailure, answerWaitMs = answerWaitDefaultMs }: SignerThreadOptions) {
    this.#answerWaitMs = answerWaitMs;
    const worker = new Worker(new URL(workerFile, import.meta.url));
    worker.unref();
    worker.on('message', (bytes: Uint8Array<ArrayBuffer>) => this.#asked.shift()?.(decodeAnswers(bytes)));
    worker.on('error', (fault) => onFailure(fault instanceof Error ? fault : new Error(String(fault))));
    worker.on('exit', () => this.#end());
    this.#worker = worker;
  }

  async ahead(payments: readonly EvmPayment[]): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined) return;
    const asked = payments.flatMap((payment) => {
      const question = signerQuestionOf(payment);
      return question === undefined ? [] : [{ payment, question }];
    });
    if (asked.length === 0) return;
    const signers = await this.#ask(
      worker,
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
    await worker?.terminate();
  }

  #ask(worker: Worker, questions: readonly SignerQuestion[]): Promise<readonly (Address | undefined)[]> {
    const bytes = encodeQuestions(questions);
    return new Promise((resolve) => {
      const overdue = setTimeout(() => resolve([]), this.#answerWaitMs);
      this.#asked.push((answers) => {
        clearTimeout(overdue);
        resolve(answers);
      });
      worker.postMessage(bytes, [bytes.buffer]);
    });
  }

  #end(): void {
    this.#worker = undefined;
    for (const answer of this.#asked.splice(0)) answer([]);
  }
}
