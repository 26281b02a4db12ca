import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import {
  readEip2612GasSponsoring,
  readErc20ApprovalGasSponsoring,
  type ReadExtension,
  readPaymentIdentifier,
} from './extension.js';
import { reasons } from './reason-codes.js';

const address = `0x${'aB'.repeat(20)}`;
const permit = {
  from: address,
  asset: address,
  spender: address,
  amount: '10000',
  nonce: '0',
  deadline: '1795000300',
  signature: `0x${'Ab'.repeat(65)}`,
  version: '1',
};
const approval = {
  from: address,
  asset: address,
  spender: address,
  amount: '10000',
  signedTransaction: '0x02F8',
  version: '1.0.2',
};
const id = 'pay_7d5d747be160e280';

const readers = {
  'payment-identifier': readPaymentIdentifier,
  eip2612GasSponsoring: readEip2612GasSponsoring,
  erc20ApprovalGasSponsoring: readErc20ApprovalGasSponsoring,
} as const;
type Key = keyof typeof readers;
const keys = Object.keys(readers) as Key[];
const read = (key: Key, info: unknown): ReadExtension<unknown> =>
  readers[key]({ [key]: { info, schema: {} } });

describe('An extension', () => {
  it.each(keys)('%s that is not there says nothing', (key) => {
    expect(readers[key]({})).toEqual({ ok: true, info: null });
    expect(
      readers[key](Object.create({ [key]: { info: { id: 'x', signature: 1, signedTransaction: 1 } } })),
    ).toEqual({
      ok: true,
      info: null,
    });
  });

  it('eip2612GasSponsoring is read with hex in lower case and numbers as numbers', () => {
    const lower = address.toLowerCase();
    expect(read('eip2612GasSponsoring', { description: 'the seller’s', ...permit })).toEqual({
      ok: true,
      info: {
        from: lower,
        asset: lower,
        spender: lower,
        amount: 10_000n,
        nonce: 0n,
        deadline: 1_795_000_300n,
        signature: permit.signature.toLowerCase(),
      },
    });
  });

  it('erc20ApprovalGasSponsoring is read with hex in lower case', () => {
    const lower = address.toLowerCase();
    expect(read('erc20ApprovalGasSponsoring', approval)).toEqual({
      ok: true,
      info: { from: lower, asset: lower, spender: lower, amount: 10_000n, signedTransaction: '0x02f8' },
    });
  });

  it.each(['eip2612GasSponsoring', 'erc20ApprovalGasSponsoring'] as const)(
    '%s that only repeats the seller’s offer says nothing',
    (key) => {
      for (const info of [{ description: 'text', version: '1' }, {}, null, undefined, 'text', [], 7]) {
        expect(read(key, info)).toEqual({ ok: true, info: null });
      }
      expect(readers[key]({ [key]: null })).toEqual({ ok: true, info: null });
    },
  );

  const endless = '1'.repeat(5_000);
  it.each<[Key, string, unknown]>([
    ...(['from', 'asset', 'spender'] as const).flatMap((field): [Key, string, unknown][] => [
      ['eip2612GasSponsoring', field, '0x12'],
      ['erc20ApprovalGasSponsoring', field, 'vitalik.eth'],
    ]),
    ['eip2612GasSponsoring', 'amount', '-1'],
    ['eip2612GasSponsoring', 'amount', 10_000],
    ['eip2612GasSponsoring', 'amount', `${2n ** 256n}`],
    ['eip2612GasSponsoring', 'nonce', '0x1'],
    ['eip2612GasSponsoring', 'nonce', undefined],
    ['eip2612GasSponsoring', 'deadline', ''],
    ['eip2612GasSponsoring', 'deadline', endless],
    ['eip2612GasSponsoring', 'signature', `0x${'ab'.repeat(64)}`],
    ['eip2612GasSponsoring', 'signature', { length: { toString: '' } }],
    ['eip2612GasSponsoring', 'version', undefined],
    ['eip2612GasSponsoring', 'version', '1.'],
    ['eip2612GasSponsoring', 'version', endless],
    ['erc20ApprovalGasSponsoring', 'amount', '1.5'],
    ['erc20ApprovalGasSponsoring', 'signedTransaction', '0x'],
    ['erc20ApprovalGasSponsoring', 'signedTransaction', '0x123'],
    ['erc20ApprovalGasSponsoring', 'signedTransaction', `0x${'11'.repeat(1_025)}`],
    ['erc20ApprovalGasSponsoring', 'signedTransaction', { length: -1 }],
  ])('%s is refused with a bad %s, which it names (%#)', (key, field, value) => {
    const good = key === 'eip2612GasSponsoring' ? permit : approval;
    const reason =
      key === 'eip2612GasSponsoring'
        ? 'invalid_eip2612_extension_format'
        : 'invalid_erc20_approval_extension_format';
    expect(read(key, { ...good, [field]: value })).toEqual({
      ok: false,
      reason,
      message: expect.stringContaining(`paymentPayload.extensions.${key}.info.${field}`),
    });
  });

  it('repeats no signature and no transaction in a message', () => {
    const secret = 'deadbeef'.repeat(8);
    for (const reading of [
      read('eip2612GasSponsoring', { ...permit, signature: `0x${secret}` }),
      read('erc20ApprovalGasSponsoring', { ...approval, signedTransaction: `0x${secret}f` }),
    ]) {
      expect(reading.ok).toBe(false);
      expect(JSON.stringify(reading)).not.toContain('deadbeef');
    }
  });
});

describe('The payment identifier', () => {
  it('is the payer’s id, whether the seller requires it or not', () => {
    for (const required of [true, false, undefined, null]) {
      expect(read('payment-identifier', { required, id })).toEqual({ ok: true, info: id });
    }
  });

  it('may be left out where it is not required', () => {
    for (const info of [{ required: false }, {}, { id: null }]) {
      expect(read('payment-identifier', info)).toEqual({ ok: true, info: null });
    }
  });

  it('is missed where it is required', () => {
    expect(read('payment-identifier', { required: true })).toEqual({
      ok: false,
      reason: 'payment_identifier_required',
      message: expect.stringContaining('16 to 128'),
    });
  });

  it.each([
    ['too short', 'a'.repeat(15)],
    ['too long', 'a'.repeat(129)],
    ['with a blank', 'pay 7d5d747be160e280'],
    ['with a line break at its end', `${id}\n`],
    ['empty', ''],
    ['a number', 7_777_777_777_777_777],
    ['no text', { length: 20 }],
  ])('is refused when it is %s', (_what, value) => {
    expect(read('payment-identifier', { required: false, id: value })).toMatchObject({
      ok: false,
      reason: 'invalid_payment_identifier',
    });
  });

  it.each(['a'.repeat(16), 'Z-_9'.repeat(32)])('may be %s', (value) => {
    expect(read('payment-identifier', { id: value })).toEqual({ ok: true, info: value });
  });

  it.each([null, 'text', 7, []])('is refused where its info is %j', (info) => {
    expect(read('payment-identifier', info)).toMatchObject({ reason: 'invalid_payment_identifier' });
  });
});

describe('Reading any extension', () => {
  it('never throws, and refuses with a reason that there is', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...keys),
        fc.anything(),
        fc.dictionary(fc.string(), fc.anything()),
        (key, any, record) => {
          for (const extension of [
            any,
            { info: any },
            { info: { ...record, id: any, signature: any, signedTransaction: any } },
            { info: { ...permit, ...approval, ...record } },
          ]) {
            const reading = readers[key]({ ...record, [key]: extension });
            if (!reading.ok) expect(reasons[reading.reason].meaning).toMatch(/./);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
