import type { Address, Hex } from 'viem';

import type { CallResult } from './multicall.js';

/**
 * Any number of questions to a chain in one `eth_call`, all answered at one block: whether there is code at an address,
 * what a contract answers, and how a call that changes something would go. What such a trial changes is taken back
 * before the next, so no question sees another's effects. Nothing has to be deployed for it: the call has no `to`, its
 * data is a program of ours, run as one that would create a contract, with the questions behind it.
 */
export type Question = {
  /** `code`: is there any. `read`: a call that cannot change anything. `trial`: one that may. */
  readonly kind: 'code' | 'read' | 'trial';
  readonly to: Address;
  /** Calldata; none for `code`. */
  readonly data: Hex;
};

export type BulkAnswer = {
  readonly blockNumber: bigint;
  /** Unix seconds. */
  readonly blockTime: bigint;
  /** In the questions' order. That of `code` has no data, and is `ok` where there is code. */
  readonly results: readonly CallResult[];
};

/** Most bytes of a contract's answer that come back: an error's text of 256 bytes. */
export const answerBytesMax = 324;
/** What nodes take as a program that creates a contract (EIP-3860). */
export const bulkBytesMax = 49_152;

const kinds = { code: '00', read: '01', trial: '02' } as const;
/** Kind, address, gas, and length of the calldata. */
const headBytes = 27;
const gasMax = 0xffff_ffff;
/** Number and time of the block. */
const blockBytes = 16;

/**
 * A question is 1 byte for its kind, 20 for the address, 4 for the gas it may use, 2 for the length of its calldata, and
 * that. The answer begins with block number and time, 8 bytes each; then for each question comes 1 byte (is there code;
 * did the call succeed) and, but for code, 2 bytes with the length of what was returned, and that, cut at
 * {@link answerBytesMax}. No instruction is newer than Constantinople.
 *
 * The trials are why there are two programs: the second makes one call and always reverts, with what the call gave.
 */
const program = [
  '4360401b421760801b6201000052', // block number and time, 8 bytes each
  '6201001061011f', // out, in
  '5b388110156100db57', // until there are no more operations
  '602081600039600051', // head
  '61ffff8160281c16', // length; the stack is: out, in, head, length
  '8160f81c61004f57', // kind
  '8160581c3b15158453', // code: 1 or 0
  '905001601b01906001019061001556', // on to the next
  '5b8160f91c61007d57', // read or trial
  '8083601b01600039', // calldata to 0
  '6000808260008560581c', // to
  '8660381c63ffffffff16fa', // with its gas
  '845360006100a056', // ok; its data begins at 0
  '5b60376100e8600039', // the other program to 0
  '80601b0183603739', // the operation after it
  '8060520160006000f050', // which always reverts
  '3d1515806000863e', // ok, unless it had no gas to say so; its data begins at 1
  '5b803d03', // bytes it gave
  '80610144106101448203029003', // at most so many
  '8060081c8660010153808660020153', // their number
  '8082876003013e', // and they
  '905093840160030193509050', // out
  '01601b0161001556', // on to the next
  '5b5062010000900362010000f3', // the results
  // The second program, each time with one question behind it.
  '60008060373803', // n bytes of operation follow this code
  '806037600039', // to 0
  '601b9003601b6000', // n - 27 bytes of calldata at 27, no value
  '6000518060581c', // to
  '9060381c63ffffffff16f1', // with its gas
  '600053', // ok
  '3d600060013e', // what it gave
  '60013d016000fd', // all of it taken back
].join('');

/** Calldata of the call without `to`. `gasEach` bounds what one question may use of the gas of all. */
export function encodeBulk(questions: readonly Question[], gasEach: number = gasMax): Hex {
  const gas = gasEach.toString(16).padStart(8, '0');
  let digits: string = program;
  for (const { kind, to, data } of questions) {
    const length = ((data.length - 2) / 2).toString(16).padStart(4, '0');
    digits += kinds[kind] + to.slice(2) + gas + length + data.slice(2);
  }
  return `0x${digits}`;
}

/** How many bytes {@link encodeBulk} makes of these. */
export function bulkBytes(questions: readonly Question[]): number {
  return questions.reduce((sum, { data }) => sum + headBytes + (data.length - 2) / 2, program.length / 2);
}

/** What {@link encodeBulk}'s call answers; undefined unless it is exactly that. */
export function decodeBulk(answer: Hex, questions: readonly Question[]): BulkAnswer | undefined {
  const bytes = Buffer.from(answer.slice(2), 'hex');
  if (bytes.length !== (answer.length - 2) / 2 || bytes.length < blockBytes) return undefined;
  const results: CallResult[] = [];
  let at = blockBytes;
  for (const { kind } of questions) {
    const ok = bytes[at];
    const isCode = kind === 'code';
    if ((ok !== 0 && ok !== 1) || (!isCode && at + 3 > bytes.length)) return undefined;
    const start = isCode ? at + 1 : at + 3;
    const end = isCode ? start : start + bytes.readUInt16BE(at + 1);
    if (end > bytes.length) return undefined;
    results.push({ ok: ok === 1, data: `0x${bytes.toString('hex', start, end)}` });
    at = end;
  }
  if (at !== bytes.length) return undefined;
  return { blockNumber: bytes.readBigUInt64BE(0), blockTime: bytes.readBigUInt64BE(8), results };
}
