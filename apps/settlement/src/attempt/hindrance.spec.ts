import { describe, expect, it } from '@jest/globals';

import type { Payment } from '../payment/payment.js';
import { hindranceOf } from './hindrance.js';

const payment = { scheme: 'exact', amount: 10n, sponsoring: null } as Pick<
  Payment,
  'scheme' | 'amount' | 'sponsoring'
>;
const approvable = { ...payment, sponsoring: { kind: 'erc20_approval' } } as typeof payment;
const permitted = { ...payment, sponsoring: { kind: 'eip2612' } } as typeof payment;

describe('why a token does not let Permit2 move money', () => {
  const poor = { balance: 9n, allowance: 0n };
  const held = (allowance: bigint) => ({ balance: 10n, allowance });
  const unexplained = 'invalid_exact_evm_transaction_failed';

  it.each([
    ['too little money', { of: payment, standing: poor, reason: 'permit2_insufficient_balance' }],
    [
      'too little money, whatever came',
      { of: approvable, standing: poor, reason: 'permit2_insufficient_balance' },
    ],
    ['no allowance', { of: payment, standing: held(9n), reason: 'permit2_allowance_required' }],
    ['a permit that did not do', { of: permitted, standing: held(9n), reason: 'permit2_allowance_required' }],
    ['the token’s own', { of: payment, standing: held(10n), reason: unexplained }],
    ['not known', { of: payment, standing: { balance: null, allowance: null }, reason: unexplained }],
  ])('is %s', (_, { of, standing, reason }) => {
    expect(hindranceOf(of, standing, 'blacklisted')).toMatchObject({ kind: 'refused', reason });
  });

  it('is an approval that has yet to be sent', () => {
    expect(hindranceOf(approvable, { balance: 10n, allowance: 9n }, '')).toEqual({ kind: 'approval' });
  });

  it('has by upto a word of its own where nothing explains it', () => {
    const upto = { ...payment, scheme: 'upto' } as const;
    expect(hindranceOf(upto, { balance: 10n, allowance: 10n }, '')).toMatchObject({
      reason: 'invalid_upto_evm_transaction_failed',
    });
  });
});
