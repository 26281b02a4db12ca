import { describe, expect, it } from '@jest/globals';

import type { Payment } from '../payment/payment.js';
import { decideSubmit } from './estimate.js';
import { revertDetail } from './revert.js';

const payment = { validAfter: 1_000n } as Payment;
const revert = (text: string) => ({ ok: false, revert: text }) as const;

describe('what to do after an estimate', () => {
  it('signs with a margin above it', () => {
    expect(decideSubmit(payment, { ok: true, gas: 80_000n }, 2_000n)).toEqual({
      kind: 'sign',
      gasLimit: 100_000n,
    });
  });

  it.each([
    ['ERC20: transfer amount exceeds balance', 'insufficient_funds'],
    ['ERC20InsufficientBalance(0x70997970C51812dc3A010C7d01b50e0d17dc79C8, 0, 10000)', 'insufficient_funds'],
    ['FiatTokenV2: authorization is expired', 'invalid_exact_evm_payload_authorization_valid_before'],
    ['FiatTokenV2: invalid signature', 'invalid_exact_evm_payload_signature'],
    ['Blacklistable: account is blacklisted', 'invalid_exact_evm_transaction_failed'],
    ['', 'invalid_exact_evm_transaction_failed'],
  ])('refuses before any gas is burnt: %j is %s', (text, reason) => {
    expect(decideSubmit(payment, revert(text), 2_000n)).toMatchObject({ kind: 'refuse', reason });
  });

  it('looks for who spent a nonce that is spent', () => {
    expect(decideSubmit(payment, revert('FiatTokenV2: authorization is used or canceled'), 2_000n)).toEqual({
      kind: 'find_spender',
    });
  });

  it('signs without an estimate when only the idle chain thinks that it is too early', () => {
    expect(
      decideSubmit(payment, revert('FiatTokenV2: authorization is not yet valid'), 1_001n),
    ).toMatchObject({ kind: 'sign' });
  });

  it('waits until a payment is valid', () => {
    expect(decideSubmit(payment, revert('FiatTokenV2: authorization is not yet valid'), 990n)).toEqual({
      kind: 'wait',
      seconds: 11n,
    });
  });

  it('shortens and cleans what a contract says', () => {
    expect(revertDetail('It failed: ', `a\u0000b\n${'x'.repeat(1_000)}`)).toMatch(/^It failed: a b x{10,}$/);
    expect(revertDetail('', 'x'.repeat(1_000))).toHaveLength(500);
    expect(revertDetail('It failed: ', ' \n')).toBe('It failed: no reason given');
  });
});
