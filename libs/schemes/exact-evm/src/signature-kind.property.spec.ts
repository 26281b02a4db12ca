import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodeAbiParameters, type Hex, parseErc6492Signature, serializeErc6492Signature } from 'viem';

import { address, hexOf, hexUpTo } from '../test/arbitrary.js';
import { innerSignatureOf, signatureKindOf } from './signature-kind.js';

const magic = '6492'.repeat(16);
const someAddress = address.filter((text) => BigInt(text) !== 0n);

describe('The kind of a signature', () => {
  it('is an account’s where it has 65 bytes', () => {
    fc.assert(
      fc.property(hexOf(65), (signature) => {
        expect(signatureKindOf(signature)).toEqual({ kind: 'ecdsa' });
        expect(innerSignatureOf(signature)).toBe(signature);
      }),
    );
  });

  it('is a contract’s for any other bytes', () => {
    fc.assert(
      fc.property(hexUpTo(300), (signature) => {
        fc.pre(signature.length !== 132 && !signature.endsWith(magic));
        expect(signatureKindOf(signature)).toEqual({ kind: 'contract' });
        expect(innerSignatureOf(signature)).toBe(signature);
      }),
    );
  });

  it('is that of a wallet to be deployed where it is wrapped by ERC-6492, as another implementation wraps it', () => {
    fc.assert(
      fc.property(someAddress, hexUpTo(500), hexUpTo(200), (factory, factoryData, innerSignature) => {
        const signature = serializeErc6492Signature({
          address: factory,
          data: factoryData,
          signature: innerSignature,
        });
        expect(signatureKindOf(signature)).toEqual({
          kind: 'counterfactual',
          factory,
          factoryData,
          innerSignature,
        });
        expect(innerSignatureOf(signature)).toBe(innerSignature);
      }),
    );
  });

  it('of anything that ends in the magic is found without throwing, and agrees with another implementation', () => {
    const words = fc.oneof(
      hexOf(32),
      fc.integer({ min: 0, max: 400 }).map((value): Hex => `0x${value.toString(16).padStart(64, '0')}`),
      fc.constant<Hex>(`0x${'f'.repeat(64)}`),
    );
    const bodies = fc.oneof(
      hexUpTo(200),
      fc
        .array(words, { maxLength: 12 })
        .map((list): Hex => `0x${list.map((word) => word.slice(2)).join('')}`),
    );
    fc.assert(
      fc.property(bodies, (body) => {
        const signature: Hex = `${body}${magic}`;
        fc.pre(signature.length !== 132);
        const kind = signatureKindOf(signature);
        if (kind.kind !== 'counterfactual') {
          expect(kind).toEqual({ kind: 'contract', problem: expect.stringContaining('ERC-6492') });
          return;
        }
        const theirs = parseErc6492Signature(signature);
        expect({
          address: theirs.address?.toLowerCase(),
          data: theirs.data ?? '0x',
          signature: theirs.signature,
        }).toEqual({
          address: kind.factory,
          data: kind.factoryData,
          signature: kind.innerSignature,
        });
      }),
      { numRuns: 2_000 },
    );
  });

  const wrapped = (...values: readonly [Hex, Hex, Hex]) =>
    encodeAbiParameters([{ type: 'address' }, { type: 'bytes' }, { type: 'bytes' }], values);
  const good = wrapped(`0x${'fa'.repeat(20)}`, '0x1234', '0x5678');
  const withWord = (index: number, word: string): Hex =>
    `${good.slice(0, 2 + 64 * index)}${word.padStart(64, '0')}${good.slice(2 + 64 * (index + 1))}` as Hex;

  it.each<[string, Hex]>([
    ['no factory', wrapped(`0x${'00'.repeat(20)}`, '0x1234', '0x5678')],
    ['a factory of more than 20 bytes', withWord(0, `1${'fa'.repeat(20)}`)],
    ['an offset into the head', withWord(1, '40')],
    ['an offset beyond the end', withWord(1, 'ffff')],
    ['an offset that is no index', withWord(1, 'f'.repeat(64))],
    ['a length beyond the end', withWord(3, 'ffff')],
    ['a length that overflows', withWord(3, '8'.repeat(64))],
    ['nothing before the magic', '0x'],
    ['less than a head', `0x${'00'.repeat(95)}`],
  ])('is a contract’s with a problem for a wrapping with %s', (_what, body) => {
    expect(signatureKindOf(`${body}${magic}`)).toEqual({
      kind: 'contract',
      problem: expect.stringContaining('ERC-6492'),
    });
  });
});
