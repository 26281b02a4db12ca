import { describe, expect, it } from '@jest/globals';
import { parseChainId } from '@quittance/money';
import type { PaymentRequest } from '@quittance/protocol';
import fc from 'fast-check';

import { authorization, goodRequest, nowSeconds, payer } from '../test/scenario.js';
import { readEvmPayment } from './read-payment.js';

const request = goodRequest();
const read = (asked: PaymentRequest) => readEvmPayment(asked, { purpose: 'verify' });
const uint256Max = 2n ** 256n - 1n;

function refusalOf(changes: Partial<PaymentRequest>) {
  const reading = read({ ...request, ...changes });
  return reading.ok
    ? { reason: 'accepted', message: '' }
    : { reason: reading.reason, message: reading.message };
}

const withRequirements = (changes: Record<string, unknown>) =>
  ({ requirements: { ...request.requirements, ...changes } }) as Partial<PaymentRequest>;
const withExtra = (changes: Record<string, unknown>) =>
  withRequirements({ extra: { ...request.requirements.extra, ...changes } });
const withPayload = (changes: Record<string, unknown>) => ({ payload: { ...request.payload, ...changes } });
const withAuthorization = (changes: Record<string, unknown>) =>
  withPayload({ authorization: { ...authorization, ...changes } });

describe('Reading a payment by exact on EVM', () => {
  it('takes every field, with addresses in lower case', () => {
    expect(read(request)).toEqual({
      ok: true,
      payment: {
        scheme: 'exact',
        method: 'eip3009',
        chainId: 'eip155:84532',
        chainNumber: 84_532,
        asset: '0x036cbd53842c5426634e7929541ec2318f3dcf7e',
        payer: payer.address.toLowerCase(),
        payTo: '0x209693bc6afc0c5328ba36faf03c514ef312287c',
        value: 10_000n,
        validAfter: 0n,
        validBefore: nowSeconds + 300n,
        nonce: `0x${'7a'.repeat(32)}`,
        signature: `0x${'11'.repeat(64)}1b`,
        requirements: { payTo: '0x209693bc6afc0c5328ba36faf03c514ef312287c', amount: 10_000n },
        domain: { name: 'USDC', version: '2' },
      },
    });
  });

  it('makes one payment of two spellings of the same hex', () => {
    const shouted = {
      signature: `0x${'AB'.repeat(65)}`,
      authorization: { ...authorization, nonce: `0x${'7A'.repeat(32)}` },
    };
    const quiet = { ...shouted, signature: `0x${'ab'.repeat(65)}`, authorization };
    expect(read({ ...request, payload: shouted })).toEqual(read({ ...request, payload: quiet }));
  });

  it('takes the transfer method it offers, named, null or left out', () => {
    for (const assetTransferMethod of ['eip3009', null, undefined]) {
      expect(refusalOf(withExtra({ assetTransferMethod })).reason).toBe('accepted');
    }
  });

  it.each([
    ['a scheme that is not ours', { scheme: 'deferred' }, 'unsupported_scheme', '"deferred"'],
    [
      'another scheme on the payer’s side',
      { accepted: { ...request.accepted, scheme: 'upto' } },
      'invalid_scheme',
      '"upto"',
    ],
    ['Permit2', withExtra({ assetTransferMethod: 'permit2' }), 'unsupported_payload_type', '"permit2"'],
    [
      'a method that is no text',
      withExtra({ assetTransferMethod: 7 }),
      'unsupported_payload_type',
      'not a string',
    ],
    [
      'a Permit2 payload where EIP-3009 is asked for',
      {
        ...withPayload({ permit2Authorization: {} }),
        ...withExtra({ assetTransferMethod: 'eip3009' }),
      },
      'unsupported_payload_type',
      '"permit2"',
    ],
    [
      'no domain name',
      withExtra({ name: undefined }),
      'invalid_exact_evm_missing_eip712_domain',
      'extra.name',
    ],
    [
      'an empty domain name',
      withExtra({ name: '' }),
      'invalid_exact_evm_missing_eip712_domain',
      'extra.name',
    ],
    [
      'no domain version',
      withExtra({ version: null }),
      'invalid_exact_evm_missing_eip712_domain',
      'extra.version',
    ],
    [
      'a domain version as number',
      withExtra({ version: 2 }),
      'invalid_exact_evm_missing_eip712_domain',
      'extra.version',
    ],
    [
      'another network on the payer’s side',
      { accepted: { ...request.accepted, network: parseChainId('eip155:8453') } },
      'invalid_exact_evm_network_mismatch',
      'eip155:8453',
    ],
    [
      'a chain that is not EVM',
      {
        network: parseChainId('solana:mainnet'),
        accepted: { ...request.accepted, network: parseChainId('solana:mainnet') },
      },
      'invalid_network',
      'solana:mainnet',
    ],
    [
      'an endless domain name',
      withExtra({ name: 'x'.repeat(257) }),
      'invalid_payment_requirements',
      'extra.name',
    ],
    [
      'an amount of nothing',
      withRequirements({ amount: '0' }),
      'invalid_payment_requirements',
      'amount is 0',
    ],
    [
      'an asset that is no address',
      withRequirements({ asset: 'USDC' }),
      'invalid_payment_requirements',
      'asset',
    ],
    [
      'a payTo that is no address',
      withRequirements({ payTo: '0x12' }),
      'invalid_payment_requirements',
      'payTo',
    ],
    [
      'an amount with a fraction',
      withRequirements({ amount: '1.5' }),
      'invalid_payment_requirements',
      'amount',
    ],
  ])('refuses %s', (_what, changes, ...[reason, named]) => {
    const refusal = refusalOf(changes);
    expect(refusal.reason).toBe(reason);
    expect(refusal.message).toContain(named);
  });

  it.each([
    ['a missing signature', withPayload({ signature: undefined }), 'payload.signature'],
    ['a signature without 0x', withPayload({ signature: '11'.repeat(65) }), 'payload.signature'],
    ['a signature of half a byte', withPayload({ signature: '0x111' }), 'payload.signature'],
    ['a signature that is no hex', withPayload({ signature: '0xzz' }), 'payload.signature'],
    [
      'a signature that claims a hostile length',
      withPayload({ signature: { length: { toString: '' } } }),
      'payload.signature',
    ],
    ['an endless signature', withPayload({ signature: `0x${'11'.repeat(8_192)}` }), 'payload.signature'],
    ['a missing authorization', withPayload({ authorization: undefined }), 'payload.authorization'],
    ['an authorization that is a list', withPayload({ authorization: [] }), 'payload.authorization'],
    ['an unknown field', withPayload({ transaction: '0x' }), '"transaction"'],
    ['an unknown field in the authorization', withAuthorization({ memo: 'x' }), 'authorization."memo"'],
    ['a payer that is no address', withAuthorization({ from: '0x12' }), 'authorization.from'],
    ['an ENS name as recipient', withAuthorization({ to: 'vitalik.eth' }), 'authorization.to'],
    ['a value as number', withAuthorization({ value: 10_000 }), 'authorization.value'],
    ['a negative value', withAuthorization({ value: '-1' }), 'authorization.value'],
    ['a value in hex', withAuthorization({ value: '0x10' }), 'authorization.value'],
    ['a value above 2^256 − 1', withAuthorization({ value: `${uint256Max + 1n}` }), 'authorization.value'],
    ['a validAfter with a blank', withAuthorization({ validAfter: ' 0' }), 'authorization.validAfter'],
    ['an empty validBefore', withAuthorization({ validBefore: '' }), 'authorization.validBefore'],
    ['a nonce of 31 bytes', withAuthorization({ nonce: `0x${'7a'.repeat(31)}` }), 'authorization.nonce'],
    ['a nonce of 33 bytes', withAuthorization({ nonce: `0x${'7a'.repeat(33)}` }), 'authorization.nonce'],
    ['a decimal nonce', withAuthorization({ nonce: '1' }), 'authorization.nonce'],
  ])('refuses %s and names the field', (_what, changes, named) => {
    const refusal = refusalOf(changes);
    expect(refusal.reason).toBe('invalid_payload');
    expect(refusal.message).toContain(named);
  });

  it('takes the largest numbers a token can hold', () => {
    expect(
      refusalOf(withAuthorization({ value: `${uint256Max}`, validBefore: `${uint256Max}` })).reason,
    ).toBe('accepted');
  });

  it('never repeats a signature in a message', () => {
    const secret = 'deadbeef'.repeat(16);
    for (const signature of [`0x${secret}`, secret, `0x${secret}f`]) {
      expect(refusalOf(withPayload({ signature, extra: 1 })).message).not.toContain('deadbeef');
    }
  });

  it('never throws, whatever the payload and the extra hold', () => {
    fc.assert(
      fc.property(
        fc.anything(),
        fc.anything(),
        fc.dictionary(fc.string(), fc.anything()),
        (first, second, record) => {
          const payloads = [record, { signature: first, authorization: second }];
          for (const payload of [...payloads, { ...authorization, authorization: record }]) {
            expect(read({ ...request, payload }).ok).toBe(false);
          }
          read({ ...request, ...withExtra(record) });
          read({ ...request, ...withExtra({ name: first, version: second }) });
        },
      ),
    );
  });
});
