import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodeFunctionData, encodeFunctionResult, type Hex, multicall3Abi } from 'viem';

import { readText } from './abi.js';
import { decodeAggregate3, encodeAggregate3 } from './multicall.js';

const hexOf = (minLength: number, maxLength: number) =>
  fc.uint8Array({ minLength, maxLength }).map((bytes): Hex => `0x${Buffer.from(bytes).toString('hex')}`);
const anyResults = fc.array(fc.record({ ok: fc.boolean(), data: hexOf(0, 100) }), { maxLength: 8 });
const aggregate3 = { abi: multicall3Abi, functionName: 'aggregate3' } as const;

function encodeResults(results: readonly { readonly ok: boolean; readonly data: Hex }[]): Hex {
  return encodeFunctionResult({
    ...aggregate3,
    result: results.map(({ ok, data }) => ({ success: ok, returnData: data })),
  });
}

describe('Calls to Multicall3', () => {
  it('are encoded as an independent implementation does', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ to: hexOf(20, 20), data: hexOf(0, 100) }), { maxLength: 8 }),
        (calls) => {
          const args = calls.map(({ to, data }) => ({ target: to, allowFailure: true, callData: data }));
          expect(encodeAggregate3(calls)).toBe(encodeFunctionData({ ...aggregate3, args: [args] }));
        },
      ),
    );
  });

  it('are encoded so in hundreds', () => {
    const call = fc.record({ to: hexOf(20, 20), data: hexOf(292, 324) });
    fc.assert(
      fc.property(fc.array(call, { minLength: 200, maxLength: 300 }), (calls) => {
        const args = calls.map(({ to, data }) => ({ target: to, allowFailure: true, callData: data }));
        expect(encodeAggregate3(calls)).toBe(encodeFunctionData({ ...aggregate3, args: [args] }));
      }),
      { numRuns: 5 },
    );
  });

  it('are answered by what an independent implementation encodes', () => {
    fc.assert(
      fc.property(anyResults, (results) => {
        expect(decodeAggregate3(encodeResults(results), results.length)).toEqual(results);
      }),
    );
  });

  it('have no results when the answer is cut off, or of another number of calls', () => {
    fc.assert(
      fc.property(anyResults, fc.nat(), (results, cut) => {
        const answer = encodeResults(results);
        expect(decodeAggregate3(answer, results.length + 1)).toBeUndefined();
        const last = results.at(-1);
        if (last === undefined || last.data === '0x') return;
        const kept = 2 + 2 * (cut % ((answer.length - 2) / 2 - 32));
        expect(decodeAggregate3(answer.slice(0, kept) as Hex, results.length)).toBeUndefined();
      }),
    );
  });

  it('have no results, and no exception, for any other bytes', () => {
    fc.assert(
      fc.property(hexOf(0, 700), fc.integer({ min: 1, max: 8 }), (bytes, count) => {
        expect(decodeAggregate3(bytes, count)).toBeUndefined();
      }),
    );
  });
});

describe('A text that a contract answers', () => {
  it('is null where it is none, and never an exception', () => {
    fc.assert(fc.property(hexOf(0, 300), (bytes) => void readText(bytes)));
    expect(readText('0x')).toBeNull();
    expect(readText(`0x${'ff'.repeat(96)}`)).toBeNull();
    expect(readText(`0x${Buffer.from('MKR').toString('hex').padEnd(64, '0')}`)).toBeNull();
  });
});
