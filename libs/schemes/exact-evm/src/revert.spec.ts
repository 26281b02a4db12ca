import { describe, expect, it } from '@jest/globals';
import { x402ExactPermit2ProxyABI, x402UptoPermit2ProxyABI } from '@x402/evm';
import fc from 'fast-check';
import { encodeErrorResult, type Hex, parseAbi, toFunctionSelector } from 'viem';

import { hexUpTo } from '../test/arbitrary.js';
import { readRevert } from './revert.js';

const standard = parseAbi(['error Error(string)', 'error Panic(uint256)']);
const known = [
  'InvalidNonce()',
  'InvalidSigner()',
  'InvalidSignature()',
  'InvalidSignatureLength()',
  'InvalidContractSignature()',
  'SignatureExpired(uint256)',
  'InvalidAmount(uint256)',
  'LengthMismatch()',
  'AllowanceExpired(uint256)',
  'InsufficientAllowance(uint256)',
  'ERC20InsufficientBalance(address,uint256,uint256)',
  'ERC20InsufficientAllowance(address,uint256,uint256)',
  'ERC20InvalidReceiver(address)',
  'ERC20InvalidSender(address)',
  'ERC20InvalidSpender(address)',
  'ERC20InvalidApprover(address)',
  'ERC2612ExpiredSignature(uint256)',
  'ERC2612InvalidSigner(address,address)',
  'ECDSAInvalidSignature()',
  'ECDSAInvalidSignatureLength(uint256)',
  'ECDSAInvalidSignatureS(bytes32)',
  'SafeERC20FailedOperation(address)',
  'InsufficientBalance()',
  'InsufficientAllowance()',
  'TransferFromFailed()',
  'PermitExpired()',
  'InvalidPermit()',
  'AuthorizationExpired()',
  'AuthorizationNotYetValid()',
  'AuthorizationAlreadyUsed()',
  'AuthorizationUsedOrCanceled()',
  'EnforcedPause()',
  'AddressEmptyCode(address)',
  'FailedCall()',
  'FailedInnerCall()',
  ...[...x402ExactPermit2ProxyABI, ...x402UptoPermit2ProxyABI].flatMap((entry) =>
    entry.type === 'error' ? [`${entry.name}()`] : [],
  ),
];

describe('The reason of a revert', () => {
  it.each(known)('is known by name for %s', (signature) => {
    const name = signature.slice(0, signature.indexOf('('));
    const data: Hex = `${toFunctionSelector(signature)}${'00'.repeat(64)}`;
    expect(readRevert(data)).toEqual({
      name,
      words: expect.stringMatching(new RegExp(`^with ${name} \\(.+\\)$`)),
    });
  });

  it('is the text of require, as text and as data', () => {
    const data = encodeErrorResult({ abi: standard, errorName: 'Error', args: ['TRANSFER_FROM_FAILED'] });
    const expected = { name: null, words: 'with "TRANSFER_FROM_FAILED"' };
    expect(readRevert(data)).toEqual(expected);
    expect(readRevert('TRANSFER_FROM_FAILED')).toEqual(expected);
  });

  it('is the failed check of a panic, as text and as data', () => {
    const data = encodeErrorResult({ abi: standard, errorName: 'Panic', args: [0x11n] });
    expect(readRevert(data)).toEqual({ name: 'Panic', words: expect.stringContaining('out of its range') });
    expect(readRevert('panic 0x11')).toEqual(readRevert(data));
    expect(readRevert('panic 0x77').words).toContain('no known kind');
  });

  it.each(['', '0x'])('is none for "%s"', (revert) => {
    expect(readRevert(revert)).toEqual({ name: null, words: 'without a reason' });
  });

  it('is only named by its selector where it is unknown', () => {
    expect(readRevert(`0xdeadbeef${'42'.repeat(64)}`)).toEqual({
      name: null,
      words: 'with an unknown error (selector 0xdeadbeef)',
    });
  });

  it('never throws and never grows, whatever came', () => {
    const texts = fc.oneof(
      fc.string(),
      fc.string({ minLength: 1_000, maxLength: 3_000 }),
      hexUpTo(400),
      hexUpTo(400).map((data) => `0x08c379a0${data.slice(2)}`),
      hexUpTo(400).map((data) => `0x4e487b71${data.slice(2)}`),
      fc
        .string({ minLength: 600, maxLength: 900 })
        .map((text) => encodeErrorResult({ abi: standard, errorName: 'Error', args: [text] })),
    );
    fc.assert(
      fc.property(texts, (revert) => {
        expect(readRevert(revert).words.length).toBeLessThan(900);
      }),
    );
  });

  it('is read from data that was cut off', () => {
    const data = encodeErrorResult({ abi: standard, errorName: 'Error', args: ['a'.repeat(200)] });
    expect(readRevert(data.slice(0, 266)).words).toBe(`with "${'a'.repeat(64)}"`);
  });
});
