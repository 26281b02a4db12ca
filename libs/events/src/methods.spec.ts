import { describe, expect, it } from '@jest/globals';

import { catalogue, parseEvent } from './index.js';

const accepted = catalogue['payment.accepted'].fixture;
const approval = {
  from: accepted.data.payer,
  asset: '0x036cbd53842c5426634e7929541ec2318f3dcf7e',
  spender: '0x000000000022d473030f116ddee9f6b43ac78ba3',
  amount: accepted.data.amount,
};
const permit = {
  kind: 'eip2612',
  ...approval,
  nonce: '0',
  deadline: '1795032300',
  signature: accepted.data.signature,
};
const erc20 = { kind: 'erc20_approval', ...approval, signedTransaction: '0x02f8' };
const withData = (data: object) => ({ ...accepted, data: { ...accepted.data, ...data } });
const filled = catalogue['settlement.filled'].fixture;

describe('an accepted payment', () => {
  it.each([
    ['by Permit2', { method: 'permit2' }],
    [
      'upto, with the relayer that must send it',
      { scheme: 'upto', method: 'permit2', facilitator: approval.from },
    ],
    ['with a permit of EIP-2612', { method: 'permit2', sponsoring: permit }],
    ['with a signed approval', { method: 'permit2', sponsoring: erc20 }],
    ['of a payer with code', { payerHasCode: true, signature: `0x${'5e'.repeat(4_096)}` }],
  ])('%s reads back unchanged', (_case, data) => {
    const event = withData(data);
    expect(parseEvent(event)).toEqual({ ok: true, event });
  });

  it.each([
    ['an unknown scheme', { scheme: 'batch' }],
    ['an unknown method', { method: 'erc7710' }],
    ['sponsoring without a kind', { sponsoring: approval }],
    ['an approval in upper-case hex', { sponsoring: { ...erc20, signedTransaction: '0x02F8' } }],
    ['an approval with a field of the other kind', { sponsoring: { ...erc20, deadline: '1' } }],
  ])('with %s is poison', (_case, data) => {
    expect(parseEvent(withData(data))).toMatchObject({ ok: false });
  });
});

describe('a transaction without a payment', () => {
  it('says whom it gave how much, where it did', () => {
    const topUp = { paymentId: accepted.data.paymentId, account: approval.from, amount: '140000000000000' };
    const event = { ...filled, data: { ...filled.data, topUp } };
    expect(parseEvent(event)).toEqual({ ok: true, event });
    expect(
      parseEvent({ ...filled, data: { ...filled.data, topUp: { ...topUp, amount: '-1' } } }),
    ).toMatchObject({
      ok: false,
    });
  });
});
