import { readRevert } from './revert.js';

/** The error of a JSON-RPC answer: the node was there and refused, which is not yet to say what of. */
export type RpcError = { readonly code: number; readonly message: string; readonly data?: unknown };

export type BroadcastOutcome =
  | { readonly outcome: 'accepted' | 'known' | 'nonce_spent' }
  | { readonly outcome: 'refused'; readonly detail: string };

const detailLengthMax = 300;

/** EIP-1474 and what geth, reth, Nethermind, Erigon and the large providers use beside it. */
const executionRevertedCode = 3;
const nethermindVmErrorCode = -32_015;
const internalErrorCode = -32_603;
const limitCodes: ReadonlySet<number> = new Set([-32_005, -32_007, 429, -32_029]);
const faultCodes: ReadonlySet<number> = new Set([-32_700, -32_601, -32_002, -32_004, -32_006]);

const revertText =
  /revert|vm execution error|invalid opcode|invalid jump|out ?of ?gas|intrinsic gas too (low|high)|stack (under|over)flow|gas required exceeds allowance/i;
const knownText =
  /already ?known|known transaction|already imported|already exists|already in (the )?(mem|tx)?pool|ALREADY_EXISTS/i;
const nonceSpentText = /nonce (is )?too low|old ?nonce|nonce (has )?already been used|nonce too small/i;
const passingText =
  /time(d)? ?out|rate limit|too many requests|limit reached|overload|unavailable|try again|header not found|not synced|syncing|internal error|upstream|busy/i;
const overloadText =
  /rate.?limit|too many requests|overload|over capacity|capacity exceeded|request (count|limit)|quota|compute units/i;
const rangeText =
  /block range|range (is )?too|too (large|wide|many)|more than \d+ (results|logs)|response size|query (timeout|returned)|limit(ed)? to|exceeds? (the )?(max|limit)/i;

/** Why a call reverted, if that is what the error says; undefined for anything else. */
export function revertOf(error: RpcError): string | undefined {
  const reverted =
    error.code === executionRevertedCode ||
    error.code === nethermindVmErrorCode ||
    revertText.test(error.message);
  if (!reverted || limitCodes.has(error.code)) return undefined;
  const data = revertData(error.data);
  const reason = data === undefined ? '' : readRevert(data);
  return reason === '' ? textOf(error.message) : reason;
}

/** What an error in answer to `eth_sendRawTransaction` means; undefined where it leaves open what became of it. */
export function broadcastOutcomeOf(error: RpcError): BroadcastOutcome | undefined {
  if (knownText.test(error.message)) return { outcome: 'known' };
  if (nonceSpentText.test(error.message)) return { outcome: 'nonce_spent' };
  if (limitCodes.has(error.code) || faultCodes.has(error.code) || passingText.test(error.message))
    return undefined;
  return { outcome: 'refused', detail: shortened(error.message) };
}

/** Whether the node would answer for a shorter range of blocks. */
export function asksForShorterRange(error: RpcError): boolean {
  if (faultCodes.has(error.code) || overloadText.test(error.message)) return false;
  return rangeText.test(error.message);
}

/** Whether the node says that it has too much to do, or too much of us: no answer to what was asked. */
export function isOverload(error: RpcError): boolean {
  if (overloadText.test(error.message)) return true;
  return limitCodes.has(error.code) && !rangeText.test(error.message);
}

/** Whether the error is of the node, and no word on what was asked. */
export function isNodesFault(error: RpcError): boolean {
  return isOverload(error) || error.code === internalErrorCode;
}

/** Whether another node may know what this one does not, or not now: a block that it has not got, an inner error. */
export function isOneNodesTrouble(error: RpcError): boolean {
  if (revertOf(error) !== undefined || asksForShorterRange(error)) return false;
  return isNodesFault(error) || passingText.test(error.message);
}

/** For messages: what the node said, bounded. */
export function describeRpcError({ code, message }: RpcError): string {
  return `${shortened(message)} (${code})`;
}

// Some nodes put the data into an object, or a word before it.
function revertData(data: unknown): string | undefined {
  if (typeof data === 'string') return /0x[0-9a-fA-F]*$/.exec(data)?.[0];
  if (typeof data === 'object' && data !== null && 'data' in data) return revertData(data.data);
  return undefined;
}

function textOf(message: string): string {
  return shortened(message.replace(/^.*execution reverted:?\s*/i, '').replace(/^revert(ed)?:?\s*/i, ''));
}

function shortened(text: string): string {
  return text.slice(0, detailLengthMax);
}
