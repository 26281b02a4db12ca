import { parentPort } from 'node:worker_threads';

import { recoverSigner } from '@quittance/exact-evm';

import { answerQuestions } from './signer-bytes.js';

/** Questions as bytes, each answered in its turn; null ends the thread. It says null when it is ready for them. */
parentPort?.on('message', (questions: Uint8Array<ArrayBuffer> | null) => {
  if (questions === null) {
    parentPort?.close();
    return;
  }
  const answers = answerQuestions(questions, recoverSigner);
  parentPort?.postMessage(answers, [answers.buffer]);
});
parentPort?.postMessage(null);
