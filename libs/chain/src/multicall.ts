import type { Address, Hex } from 'viem';

import { addressWord, readLength, uintWord } from './abi.js';

/** At this address on every chain that has it. */
export const multicall3Address: Address = '0xca11bde05977b3631167028862be2a173976ca11';

export const getBlockNumberCall: Hex = '0x42cbb15c';
export const getBlockTimeCall: Hex = '0x0f28c97d';

export type Call = {
  readonly to: Address;
  readonly data: Hex;
  /** In a list: whether all of it reverts when this does. */
  readonly mustSucceed?: boolean;
};
export type CallResult = { readonly ok: boolean; readonly data: Hex };

const aggregate3Selector = '0x82ad56cb';
const wordBytes = 32;
const truthWord = uintWord(1);
const untruthWord = uintWord(0);
const callBytesOffset = uintWord(3 * wordBytes);

/** Calldata of Multicall3's `aggregate3` in which each call may fail by itself, unless it must not. */
export function encodeAggregate3(calls: readonly Call[]): Hex {
  let offset = calls.length * wordBytes;
  let offsets = '';
  let tuples = '';
  for (const { to, data, mustSucceed } of calls) {
    const digits = data.slice(2);
    const padded = digits.padEnd(Math.ceil(digits.length / 64) * 64, '0');
    const mayFail = mustSucceed === true ? untruthWord : truthWord;
    const tuple = addressWord(to) + mayFail + callBytesOffset + uintWord(digits.length / 2) + padded;
    offsets += uintWord(offset);
    offset += tuple.length / 2;
    tuples += tuple;
  }
  return `${aggregate3Selector}${uintWord(wordBytes)}${uintWord(calls.length)}${offsets}${tuples}`;
}

/** The results of `aggregate3`; undefined unless there are exactly `count`, well formed. */
export function decodeAggregate3(answer: Hex, count: number): readonly CallResult[] | undefined {
  const digits = answer.slice(2);
  if (readLength(digits, 0) !== wordBytes || readLength(digits, wordBytes) !== count) return undefined;
  const list = digits.slice(2 * 2 * wordBytes);
  const results: CallResult[] = [];
  for (let index = 0; index < count; index += 1) {
    const offset = readLength(list, index * wordBytes);
    const result = offset === null ? undefined : decodeResult(list.slice(offset * 2));
    if (result === undefined) return undefined;
    results.push(result);
  }
  return results;
}

function decodeResult(tuple: string): CallResult | undefined {
  const ok = readLength(tuple, 0);
  const length = readLength(tuple, 2 * wordBytes);
  if ((ok !== 0 && ok !== 1) || readLength(tuple, wordBytes) !== 2 * wordBytes || length === null)
    return undefined;
  const data = tuple.slice(3 * wordBytes * 2, (3 * wordBytes + length) * 2);
  return data.length === length * 2 ? { ok: ok === 1, data: `0x${data}` } : undefined;
}
