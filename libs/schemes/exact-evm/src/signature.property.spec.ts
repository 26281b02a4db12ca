import { describe, expect, it } from '@jest/globals';
import { atomicAmount, evmChainId } from '@quittance/money';
import fc from 'fast-check';
import {
  type Address,
  encodeFunctionData,
  type Hex,
  hashTypedData,
  parseSignature,
  recoverTypedDataAddress,
} from 'viem';

import { goodScenario, judge, payer, paymentOf, typedDataOf } from '../test/scenario.js';
import { encodeTransferWithAuthorization } from './calldata.js';
import { authorizationUsedTopic, eip3009Abi } from './eip3009.js';
import { readSignature, recoverSigner } from './signature.js';
import { authorizationDigest, digestBytes } from './typed-data.js';
import { hashText } from './word.js';

const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const hexOf = (bytes: number) =>
  fc
    .uint8Array({ minLength: bytes, maxLength: bytes })
    .map((array): Hex => `0x${Buffer.from(array).toString('hex')}`);
const uint256 = fc.bigInt({ min: 0n, max: 2n ** 256n - 1n });
// Not empty: reading refuses that, and viem takes an empty text for a field the domain has not got.
const domainText = fc.oneof(
  fc.string({ minLength: 1, maxLength: 60 }),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }),
);

const anyTerms = fc
  .record({
    chainNumber: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    asset: hexOf(20),
    payer: hexOf(20),
    payTo: hexOf(20),
    value: uint256.map(atomicAmount),
    validAfter: uint256,
    validBefore: uint256,
    nonce: hexOf(32),
    domain: fc.record({ name: domainText, version: domainText }),
  })
  .map((terms) => ({
    ...terms,
    scheme: 'exact' as const,
    method: 'eip3009' as const,
    chainId: evmChainId(terms.chainNumber),
    requirements: { payTo: terms.payTo, amount: terms.value },
  }));

const word = (value: bigint) => value.toString(16).padStart(64, '0');

describe('The digest and the recovery of an authorization', () => {
  it('agree with an independent implementation on any terms', async () => {
    await fc.assert(
      fc.asyncProperty(anyTerms, async (terms) => {
        const typedData = typedDataOf(terms);
        expect(authorizationDigest(terms)).toBe(hashTypedData(typedData));
        const signature = await payer.signTypedData(typedData);
        const reading = readSignature(signature);
        const signer = reading.ok ? recoverSigner(digestBytes(terms), reading.signature) : undefined;
        expect(signer).toBe((await recoverTypedDataAddress({ ...typedData, signature })).toLowerCase());
        expect(signer).toBe(payer.address.toLowerCase());
      }),
      { numRuns: 60 },
    );
  });

  it('keep two domains apart whose texts run together to the same', () => {
    const terms = goodScenario.terms;
    const one = authorizationDigest({ ...terms, domain: { name: '2USDC', version: '1' } });
    const other = authorizationDigest({ ...terms, domain: { name: 'USDC', version: '12' } });
    expect(one).not.toBe(other);
  });

  it('stay right when more domains have been seen than are remembered', () => {
    const { terms } = goodScenario;
    const before = authorizationDigest(terms);
    for (let index = 0; index < 1_100; index += 1) {
      authorizationDigest({ ...terms, domain: { name: `Token ${index}`, version: '1' } });
    }
    expect(authorizationDigest(terms)).toBe(before);
  });
});

describe('A signature', () => {
  it.each([
    ['truncated', (digits: string) => digits.slice(0, 128), 'truncated'],
    ['empty', () => '', 'truncated'],
    ['all zero', () => '0'.repeat(130), 'empty'],
    ['without r', (digits: string) => `${'0'.repeat(64)}${digits.slice(64)}`, 'empty'],
    [
      'beyond the order of the curve',
      (digits: string) => `${'f'.repeat(64)}${digits.slice(64)}`,
      'order of the curve',
    ],
    ['with a recovery value of 29', (digits: string) => `${digits.slice(0, 128)}1d`, 'ends in 29'],
    [
      'malleable',
      (digits: string) =>
        digits.slice(0, 64) +
        word(order - BigInt(`0x${digits.slice(64, 128)}`)) +
        (digits.endsWith('1b') ? '1c' : '1b'),
      'malleable',
    ],
  ])('%s is refused with a message that says so', async (_what, spoil, says) => {
    const payment = await paymentOf(goodScenario);
    const spoilt = { ...payment, signature: `0x${spoil(payment.signature.slice(2))}` as Hex };
    const verdict = judge(spoilt, goodScenario.facts);
    expect(verdict).toEqual({
      ok: false,
      reason: 'invalid_exact_evm_payload_signature',
      message: expect.stringContaining(says),
    });
  });

  it('is accepted with v as 27/28 and as 0/1', async () => {
    const payment = await paymentOf(goodScenario);
    const parity = payment.signature.endsWith('1b') ? '00' : '01';
    const bare = { ...payment, signature: `${payment.signature.slice(0, -2)}${parity}` as Hex };
    expect(judge(bare, goodScenario.facts)).toEqual({ ok: true });
    expect(encodeTransferWithAuthorization(bare)).toBe(encodeTransferWithAuthorization(payment));
  });

  it('with the other recovery value is not the payer’s', async () => {
    const payment = await paymentOf(goodScenario);
    const flipped = payment.signature.endsWith('1b') ? '1c' : '1b';
    const other = { ...payment, signature: `${payment.signature.slice(0, -2)}${flipped}` as Hex };
    expect(judge(other, goodScenario.facts).ok).toBe(false);
  });

  it('made of any 65 bytes is refused and never throws', () => {
    fc.assert(
      fc.property(hexOf(65), fc.constantFrom('1b', '1c', '00', '01'), (bytes, v) => {
        const payment = { ...goodScenario.terms, signature: `${bytes.slice(0, -2)}${v}` as Hex };
        const verdict = judge(payment, goodScenario.facts);
        expect(verdict).toMatchObject({ ok: false, reason: 'invalid_exact_evm_payload_signature' });
      }),
    );
  });
});

describe('The calldata of a transfer', () => {
  const argumentsOf = (payment: {
    payer: Address;
    payTo: Address;
    value: bigint;
    validAfter: bigint;
    validBefore: bigint;
    nonce: Hex;
  }) =>
    [
      payment.payer,
      payment.payTo,
      payment.value,
      payment.validAfter,
      payment.validBefore,
      payment.nonce,
    ] as const;

  it('is that of the v,r,s overload for a well-formed signature', async () => {
    await fc.assert(
      fc.asyncProperty(anyTerms, async (terms) => {
        const payment = { ...terms, signature: await payer.signTypedData(typedDataOf(terms)) };
        const { r, s, yParity } = parseSignature(payment.signature);
        expect(encodeTransferWithAuthorization(payment)).toBe(
          encodeFunctionData({
            abi: eip3009Abi,
            functionName: 'transferWithAuthorization',
            args: [...argumentsOf(payment), 27 + yParity, r, s],
          }),
        );
      }),
      { numRuns: 20 },
    );
  });

  it('is that of the bytes overload for any other', () => {
    const lengths = fc.integer({ min: 0, max: 200 }).filter((length) => length !== 65);
    fc.assert(
      fc.property(anyTerms, lengths.chain(hexOf), (terms, signature) => {
        const payment = { ...terms, signature };
        expect(encodeTransferWithAuthorization(payment)).toBe(
          encodeFunctionData({
            abi: eip3009Abi,
            functionName: 'transferWithAuthorization',
            args: [...argumentsOf(payment), signature],
          }),
        );
      }),
    );
  });

  it('is proven in a block by the topic of AuthorizationUsed', () => {
    expect(authorizationUsedTopic).toBe(
      `0x${hashText('AuthorizationUsed(address,bytes32)').toString('hex')}`,
    );
  });
});
