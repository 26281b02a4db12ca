import { describe, expect, it } from '@jest/globals';

import type { Payment } from '../payment/payment.js';
import { decideSubmit } from './estimate.js';
import { revertDetail } from './revert.js';

const signature = `0x${'11'.repeat(65)}` as const;
const payment = { method: 'eip3009', validAfter: 1_000n, signature } as Payment;
const revert = (text: string) => ({ ok: false, revert: text }) as const;

describe('what to do after an estimate', () => {
  it('signs with a margin above it', () => {
    expect(decideSubmit(payment, { ok: true, gas: 80_000n }, 2_000n)).toEqual({
      kind: 'sign',
      gasLimit: 100_000n,
    });
  });

  it('never lets the code of a wallet use more than a payment may', () => {
    expect(decideSubmit(payment, { ok: true, gas: 1_900_000n }, 2_000n)).toEqual({
      kind: 'sign',
      gasLimit: 2_000_000n,
    });
    expect(decideSubmit(payment, { ok: true, gas: 2_000_001n }, 2_000n)).toMatchObject({ kind: 'refuse' });
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

  it.each([
    ['0xa65539fa', 'sign'],
    ['0x756688fe', 'find_spender'],
    ['TRANSFER_FROM_FAILED', 'find_hindrance'],
    ['', 'find_hindrance'],
  ])('of a permit takes %j for %s', (text, kind) => {
    const permit = { ...payment, method: 'permit2' } as Payment;
    expect(decideSubmit(permit, revert(text), 1_001n)).toMatchObject({ kind });
  });

  it.each([
    ['0xcd21db4f', 'permit2_deadline_expired'],
    ['0x815e1d64', 'invalid_permit2_signature'],
    ['0xb0669cbc', 'invalid_permit2_signature'],
    ['0x050cda49', 'permit2_2612_amount_mismatch'],
    ['0x0f6fae87', 'upto_unauthorized_facilitator'],
  ])('of a permit takes the error %s for %s', (text, reason) => {
    const permit = { ...payment, method: 'permit2' } as Payment;
    expect(decideSubmit(permit, revert(text), 1_001n)).toMatchObject({ kind: 'refuse', reason });
  });

  it('allows a wallet more that cannot be tried yet, and no payment any amount of gas', () => {
    const wallet = { ...payment, signature: `0x${'11'.repeat(200)}` } as Payment;
    const early = revert('FiatTokenV2: authorization is not yet valid');
    expect(decideSubmit(wallet, early, 1_001n)).toEqual({ kind: 'sign', gasLimit: 1_000_000n });
    expect(decideSubmit(wallet, { ok: true, gas: 2_000_000n }, 0n)).toMatchObject({ kind: 'sign' });
    expect(decideSubmit(wallet, { ok: true, gas: 2_000_001n }, 0n)).toMatchObject({ kind: 'refuse' });
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
