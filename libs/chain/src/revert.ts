import type { Hex } from 'viem';

import { readText, readUint } from './abi.js';

const errorSelector = '0x08c379a0';
const panicSelector = '0x4e487b71';
const rawLengthMax = 266;

/** Why a call reverted, from the data it reverted with: the text, `panic 0x11`, a custom error as hex, or ''. */
export function readRevert(data: string): string {
  const selector = data.slice(0, 10).toLowerCase();
  const rest: Hex = `0x${data.slice(10)}`;
  if (selector === errorSelector) return readText(rest) ?? data.slice(0, rawLengthMax);
  if (selector === panicSelector) return `panic 0x${(readUint(rest) ?? 0n).toString(16)}`;
  return data === '0x' ? '' : data.slice(0, rawLengthMax);
}
