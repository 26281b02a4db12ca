import { describe, expect, it } from '@jest/globals';
import { encodeErrorResult, parseAbi } from 'viem';

import {
  asksForShorterRange,
  broadcastOutcomeOf,
  isOneNodesTrouble,
  isOverload,
  revertOf,
} from './rpc-error.js';

const abi = parseAbi(['error Error(string text)', 'error Panic(uint256 code)', 'error Paused()']);
const data = encodeErrorResult({ abi, errorName: 'Error', args: ['FiatTokenV2: invalid signature'] });

describe('The error of a call', () => {
  it.each([
    ['geth and anvil', { code: 3, message: 'execution reverted: FiatTokenV2: invalid signature', data }],
    ['a node with the data in an object', { code: -32_000, message: 'VM Exception: revert', data: { data } }],
    [
      'a node with a word before the data',
      { code: -32_015, message: 'VM execution error.', data: `Reverted ${data}` },
    ],
    ['a node without data', { code: -32_000, message: 'execution reverted: FiatTokenV2: invalid signature' }],
  ])('of %s gives the reason of the revert', (_node, error) => {
    expect(revertOf(error)).toBe('FiatTokenV2: invalid signature');
  });

  it.each([
    ['a panic', encodeErrorResult({ abi, errorName: 'Panic', args: [0x11n] }), 'panic 0x11'],
    ['a custom error', encodeErrorResult({ abi, errorName: 'Paused' }), '0x9e87fac8'],
    ['nothing', '0x', ''],
    ['an Error that is cut off', data.slice(0, 74), data.slice(0, 74)],
  ])('with %s is a revert too', (_what, thrown, reason) => {
    expect(revertOf({ code: 3, message: 'execution reverted', data: thrown })).toBe(reason);
  });

  it.each([
    { code: -32_000, message: 'gas required exceeds allowance (50000000)' },
    { code: -32_000, message: 'out of gas' },
    { code: -32_603, message: 'EVM error OutOfGas' },
    { code: -32_000, message: 'intrinsic gas too low: have 1, want 21000' },
  ])('is a revert when the gas runs out: $message', (error) => {
    expect(revertOf(error)).toBe(error.message);
  });

  it.each([
    { code: -32_005, message: 'daily request count exceeded' },
    { code: 429, message: 'compute units exceeded; request reverted' },
    { code: -32_603, message: 'internal error' },
    { code: -32_000, message: 'header not found' },
    { code: -32_601, message: 'the method eth_call does not exist' },
  ])('is no revert: $message ($code)', (error) => {
    expect(revertOf(error)).toBeUndefined();
  });
});

describe('The error of a broadcast', () => {
  it.each([
    ['known', 'already known'],
    ['known', 'transaction already imported'],
    ['known', 'AlreadyKnown'],
    ['known', 'known transaction: 0x12'],
    ['nonce_spent', 'nonce too low: next nonce 5, tx nonce 4'],
    ['nonce_spent', 'nonce too low'],
    ['nonce_spent', 'OldNonce, Current nonce: 5, nonce of rejected tx: 4'],
    ['refused', 'replacement transaction underpriced'],
    ['refused', 'transaction underpriced: gas tip cap 0, minimum needed 1'],
    ['refused', 'insufficient funds for gas * price + value: balance 0'],
    ['refused', 'max fee per gas less than block base fee'],
    ['refused', 'intrinsic gas too low'],
    ['refused', 'nonce too high'],
    ['refused', 'txpool is full'],
    ['refused', 'invalid chain id for signer'],
  ])('means %s: %s', (outcome, message) => {
    expect(broadcastOutcomeOf({ code: -32_000, message })).toMatchObject({ outcome });
  });

  it.each([
    { code: -32_005, message: 'limit exceeded' },
    { code: -32_603, message: 'internal error' },
    { code: -32_000, message: 'request timed out' },
    { code: 429, message: 'slow down' },
    { code: -32_601, message: 'method not found' },
  ])('leaves open what became of it: $message ($code)', (error) => {
    expect(broadcastOutcomeOf(error)).toBeUndefined();
  });

  it('is quoted only so far', () => {
    const outcome = broadcastOutcomeOf({ code: -32_000, message: 'x'.repeat(10_000) });
    expect(outcome?.outcome === 'refused' && outcome.detail.length).toBe(300);
  });
});

describe('The error of a log query', () => {
  it.each([
    'query returned more than 10000 results',
    'block range is too large',
    'exceed maximum block range: 5000',
    'eth_getLogs is limited to a 10,000 range',
    'Log response size exceeded',
  ])('asks for a shorter range: %s', (message) => {
    expect(asksForShorterRange({ code: -32_602, message })).toBe(true);
  });

  it('of a node without logs does not', () => {
    expect(asksForShorterRange({ code: -32_601, message: 'method not found' })).toBe(false);
  });
});

describe('The error of a node', () => {
  it.each([
    { code: 429, message: 'slow down' },
    { code: -32_005, message: 'limit exceeded' },
    { code: -32_000, message: 'too many requests, upgrade your plan' },
    { code: -32_029, message: 'Your app has exceeded its compute units per second capacity' },
    { code: -32_000, message: 'server overloaded' },
  ])('says that it has too much to do: $message ($code)', (error) => {
    expect(isOverload(error)).toBe(true);
    expect(isOneNodesTrouble(error)).toBe(true);
    expect(asksForShorterRange(error)).toBe(false);
  });

  it.each([
    { code: 3, message: 'execution reverted: rate limit of the token', data },
    { code: -32_000, message: 'execution reverted' },
    { code: -32_005, message: 'query returned more than 10000 results' },
    { code: -32_601, message: 'method not found' },
    { code: -32_000, message: 'gas required exceeds allowance (50000000)' },
  ])('is an answer, which other nodes would give as well: $message ($code)', (error) => {
    expect(isOneNodesTrouble(error)).toBe(false);
  });

  it.each([
    { code: -32_603, message: 'internal error' },
    { code: -32_000, message: 'header not found' },
  ])('is its own trouble: $message ($code)', (error) => {
    expect(isOneNodesTrouble(error)).toBe(true);
    expect(isOverload(error)).toBe(false);
  });
});
