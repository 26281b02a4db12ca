import { parentPort } from 'node:worker_threads';

import { recoverSigner } from '@quittance/exact-evm/signature';

import { answerQuestions } from './signer-bytes.js';

parentPort?.on('message', (questions: Uint8Array<ArrayBuffer>) => {
  const answers = answerQuestions(questions, recoverSigner);
  parentPort?.postMessage(answers, [answers.buffer]);
});
