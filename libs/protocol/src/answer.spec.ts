import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { HTTPFacilitatorClient } from '@x402/core/http';
import type { PaymentPayload, PaymentRequirements } from '@x402/core/types';
import * as legacy from 'x402/types';

import { bodyV2, payer } from '../test/bodies.js';
import { settleAnswer, verifyAnswer } from './answer.js';
import { type ReasonCode, reasonIn, reasons } from './reason-codes.js';

const codes = Object.keys(reasons) as ReasonCode[];
const vocabularies = ['specification', 'reference'] as const;
const versions = [1, 2] as const;
const transaction = `0x${'ab'.repeat(32)}`;

/** Every refusal that can be answered: all reasons, in both vocabularies, to callers of both versions. */
const cases = codes.flatMap((reason) =>
  vocabularies.flatMap((vocabulary) => versions.map((x402Version) => ({ reason, vocabulary, x402Version }))),
);
const networkOf = (x402Version: 1 | 2) => (x402Version === 1 ? 'base-sepolia' : 'eip155:84532');

/** The published client, reading an answer as it reads it off the wire. */
const client = new HTTPFacilitatorClient({ url: 'http://facilitator.invalid' });
const { paymentPayload, paymentRequirements } = bodyV2();
const sent = [paymentPayload as PaymentPayload, paymentRequirements as PaymentRequirements] as const;
const answers = (answer: unknown, status = 200) => {
  jest
    .spyOn(globalThis, 'fetch')
    .mockImplementation(() => Promise.resolve(Response.json(answer, { status })));
};

afterEach(() => {
  jest.restoreAllMocks();
});

describe('a verify answer', () => {
  it('says valid, and who pays', () => {
    const answer = verifyAnswer({
      request: { x402Version: 2 },
      verdict: { ok: true },
      payer,
      vocabulary: 'specification',
    });
    expect(answer).toEqual({ isValid: true, payer });
    expect(legacy.VerifyResponseSchema.parse(answer)).toEqual(answer);
  });

  it('leaves out a payer that is not known', () => {
    const verdict = { ok: false, reason: 'invalid_payload', message: 'Why.' } as const;
    expect(verifyAnswer({ request: { x402Version: 2 }, verdict, vocabulary: 'specification' })).toEqual({
      isValid: false,
      invalidReason: 'invalid_payload',
      invalidMessage: 'Why.',
    });
  });

  it('reaches the published client whole, for every reason, vocabulary and version', async () => {
    for (const { reason, vocabulary, x402Version } of cases) {
      const verdict = { ok: false, reason, message: 'Why.' } as const;
      const answer = verifyAnswer({ request: { x402Version }, verdict, payer, vocabulary });
      answers(answer);
      expect(await client.verify(...sent)).toEqual(answer);
    }
  });

  it('keeps its reason in the published client’s error where the status is not 200', async () => {
    const verdict = { ok: false, reason: 'invalid_payload', message: 'Why.' } as const;
    answers(verifyAnswer({ request: { x402Version: 2 }, verdict, vocabulary: 'specification' }), 400);
    await expect(client.verify(...sent)).rejects.toMatchObject({
      name: 'VerifyError',
      invalidReason: 'invalid_payload',
    });
  });

  it('to a v1 caller is one that the legacy schema parses, for every reason', () => {
    for (const reason of codes) {
      const verdict = { ok: false, reason, message: 'Why.' } as const;
      const answer = verifyAnswer({
        request: { x402Version: 1 },
        verdict,
        payer,
        vocabulary: 'specification',
      });
      expect(legacy.VerifyResponseSchema.parse(answer)).toMatchObject({
        isValid: false,
        invalidReason: answer.invalidReason,
      });
    }
  });
});

describe('a settle answer', () => {
  it('says what was broadcast where', () => {
    for (const x402Version of versions) {
      const network = networkOf(x402Version);
      const outcome = { success: true, transaction } as const;
      const answer = settleAnswer({ outcome, network, payer, x402Version, vocabulary: 'reference' });
      expect(answer).toEqual({ success: true, transaction, network, payer });
    }
  });

  it('has transaction and network even where nothing was broadcast and nobody is known', () => {
    const outcome = { success: false, reason: 'invalid_payload', message: 'Why.', transaction: '' } as const;
    expect(
      settleAnswer({ outcome, network: 'unknown:unknown', x402Version: 2, vocabulary: 'specification' }),
    ).toEqual({
      success: false,
      errorReason: 'invalid_payload',
      errorMessage: 'Why.',
      transaction: '',
      network: 'unknown:unknown',
    });
  });

  it('reaches the published client whole, for every reason, vocabulary and version', async () => {
    for (const { reason, vocabulary, x402Version } of cases) {
      const outcome = { success: false, reason, message: 'Why.', transaction } as const;
      const answer = settleAnswer({
        outcome,
        network: networkOf(x402Version),
        payer,
        x402Version,
        vocabulary,
      });
      answers(answer);
      expect(await client.settle(...sent)).toEqual(answer);
    }
  });

  it('lets a published v2 seller see that the outcome is pending, in either vocabulary', () => {
    const outcome = {
      success: false,
      reason: 'settlement_pending',
      message: 'Ask again.',
      transaction,
    } as const;
    for (const vocabulary of vocabularies) {
      const answer = settleAnswer({ outcome, network: 'eip155:84532', payer, x402Version: 2, vocabulary });
      expect(answer).toMatchObject({ errorReason: 'settlement_pending', transaction });
    }
  });

  it('to a v1 caller is one that the legacy schema parses, for success and every reason', () => {
    const common = { network: 'base-sepolia', payer, x402Version: 1, vocabulary: 'specification' } as const;
    const success = settleAnswer({ ...common, outcome: { success: true, transaction } });
    expect(legacy.SettleResponseSchema.parse(success)).toEqual(success);
    for (const reason of codes) {
      const outcome = { success: false, reason, message: 'Why.', transaction } as const;
      const { errorMessage, ...answer } = settleAnswer({ ...common, outcome });
      expect(legacy.SettleResponseSchema.parse(answer)).toEqual(answer);
      expect(errorMessage).toBe('Why.');
    }
  });
});

describe('the reasons', () => {
  it('are the specification’s own words in its vocabulary', () => {
    for (const code of codes) expect(reasonIn('specification', code, 2)).toBe(code);
  });

  it.each([
    [
      'insufficient_funds',
      'invalid_exact_evm_insufficient_balance',
      'invalid_exact_evm_insufficient_balance',
    ],
    ['invalid_exact_evm_payload_signature', 'invalid_exact_evm_signature', 'invalid_exact_evm_signature'],
    [
      'invalid_exact_evm_payload_recipient_mismatch',
      'invalid_exact_evm_recipient_mismatch',
      'invalid_exact_evm_recipient_mismatch',
    ],
    [
      'invalid_exact_evm_payload_authorization_value_mismatch',
      'invalid_exact_evm_payload_authorization_value_mismatch',
      'invalid_exact_evm_authorization_value',
    ],
    ['settlement_pending', 'settlement_pending', 'settlement_pending'],
  ] as const)('say %s in the reference’s words', (code, v2, v1) => {
    expect([reasonIn('reference', code, 2), reasonIn('reference', code, 1)]).toEqual([v2, v1]);
  });

  it('say the mismatch of values in the legacy list’s word to v1', () => {
    expect(reasonIn('specification', 'invalid_exact_evm_payload_authorization_value_mismatch', 1)).toBe(
      'invalid_exact_evm_payload_authorization_value',
    );
  });

  it('each have a meaning, in a sentence', () => {
    for (const code of codes) expect(reasons[code].meaning).toMatch(/^[A-Za-z].{10,}\.$/);
  });
});
