import { setTimeout as sleep } from 'node:timers/promises';

import { afterEach, describe, expect, it } from '@jest/globals';
import { type EvmPayment, judgeEvmPayment, recoverSigner, signerQuestionOf } from '@quittance/exact-evm';

import { newPayer, payBy } from '../test/payments.js';
import { answerQuestions, decodeAnswers, encodeQuestions } from './signer-bytes.js';
import { SignerThread } from './signer-thread.js';

const failures: Error[] = [];
let thread: SignerThread;
afterEach(async () => thread.close());

function create(): void {
  thread = new SignerThread({ onFailure: (fault) => failures.push(fault), answerWaitMs: 30_000 });
}

/** It starts with the first payment, and takes a moment until it does the work. */
async function start(): Promise<void> {
  create();
  const payment = await payBy(newPayer());
  while (signerQuestionOf(payment) !== undefined) {
    await thread.ahead([payment]);
    await sleep(10);
  }
}

async function payments(count: number): Promise<EvmPayment[]> {
  return Promise.all(Array.from({ length: count }, async () => payBy(newPayer())));
}

/** Signed by a key, and not by the payer. */
async function forged(): Promise<EvmPayment> {
  const { signature } = await payBy(newPayer());
  return { ...(await payBy(newPayer())), signature };
}

const noKeys = async (): Promise<EvmPayment> => ({
  ...(await payBy(newPayer())),
  // No point of the curve has this x coordinate.
  signature: `0x${'00'.repeat(31)}05${'11'.repeat(32)}1b`,
});

function verdictOf(payment: EvmPayment) {
  return judgeEvmPayment({
    payment,
    facts: {
      blockNumber: 1n,
      blockTime: payment.validAfter + 1n,
      payerHasCode: false,
      assetHasCode: true,
      balance: payment.value,
      authorizationUsed: false,
      signatureAccepted: null,
      tokenName: 'USDC',
      tokenVersion: '2',
      allowance: null,
      proxyHasCode: true,
      simulation: { ok: true },
    },
    nowSeconds: payment.validAfter + 1n,
    purpose: 'verify',
    factories: [],
    relayers: [],
  });
}

describe('the thread of signers', () => {
  it('leaves nothing to be worked out, and every verdict as it is without it', async () => {
    await start();
    const asked = [...(await payments(20)), await forged(), await noKeys()];
    const expected = asked.map((payment) => verdictOf({ ...payment }));
    await Promise.all([thread.ahead(asked.slice(0, 12)), thread.ahead(asked.slice(12))]);
    expect(asked.map(signerQuestionOf)).toEqual(asked.map(() => undefined));
    expect(asked.map(verdictOf)).toEqual(expected);
    expect(expected.filter(({ ok }) => ok)).toHaveLength(20);
    expect(failures).toEqual([]);
  });

  it('keeps nobody waiting once it is closed: who judges does the work', async () => {
    await start();
    const [one, other] = await payments(2);
    const asked = thread.ahead([one as EvmPayment]);
    await thread.close();
    await asked;
    await thread.ahead([other as EvmPayment]);
    expect(signerQuestionOf(other as EvmPayment)).toBeDefined();
    expect([one, other].map((payment) => verdictOf(payment as EvmPayment).ok)).toEqual([true, true]);
  });
});

describe('a thread of signers that is closed', () => {
  it.each([0, 1, 5, 20, 60, 120])('%i ms after its start ends like any other', async (afterMs) => {
    create();
    const [one, other] = await payments(2);
    await thread.ahead([one as EvmPayment]);
    await sleep(afterMs);
    await thread.close();
    await thread.ahead([other as EvmPayment]);
    expect(signerQuestionOf(other as EvmPayment)).toBeDefined();
    expect(failures).toEqual([]);
  });
});

describe('questions for signers', () => {
  it('are the same on the other side, in their order', async () => {
    const asked = [...(await payments(3)), await noKeys()];
    const questions = asked.flatMap((payment) => signerQuestionOf(payment) ?? []);
    const answers = decodeAnswers(answerQuestions(encodeQuestions(questions), recoverSigner));
    expect(answers).toEqual([...asked.slice(0, 3).map(({ payer }) => payer), undefined]);
  });
});
