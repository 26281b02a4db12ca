import { toHex } from 'viem';

import { isRecord, type RpcCall, type RpcOutcome } from './json-rpc.js';

export type AskNode = (method: string, params: readonly unknown[]) => Promise<RpcOutcome>;

const serverErrorCode = -32_000;
const blockHashLength = 66;
const newestTags: readonly string[] = ['latest', 'pending'];
const settledTags: readonly string[] = ['safe', 'finalized'];

/** Where these calls name the block that they are about. Of an unknown block they are an error. */
const stateCalls: Readonly<Record<string, number>> = {
  eth_call: 1,
  eth_createAccessList: 1,
  eth_estimateGas: 1,
  eth_feeHistory: 1,
  eth_getBalance: 1,
  eth_getCode: 1,
  eth_getProof: 2,
  eth_getStorageAt: 2,
  eth_getTransactionCount: 1,
  eth_simulateV1: 1,
};
/** These have a block number first, and answer null of an unknown block. */
const blockCalls: readonly string[] = [
  'eth_getBlockByNumber',
  'eth_getBlockReceipts',
  'eth_getBlockTransactionCountByNumber',
  'eth_getTransactionByBlockNumberAndIndex',
];
/** What these find may be above the head, which makes it unknown. */
const lookUps: readonly string[] = [
  'eth_getBlockByHash',
  'eth_getTransactionByBlockHashAndIndex',
  'eth_getTransactionByHash',
  'eth_getTransactionReceipt',
];

/** What {@link askAsOf} answers differently from the node. */
export const viewMethods: readonly string[] = [
  'eth_blockNumber',
  'eth_getLogs',
  ...Object.keys(stateCalls),
  ...blockCalls,
  ...lookUps,
];

/** The number of the node's newest block. Throws when the node does not tell it. */
export async function headOf(ask: AskNode): Promise<bigint> {
  const outcome = await ask('eth_blockNumber', []);
  if (!('result' in outcome))
    throw new TypeError(`The target tells no block number: ${outcome.error.message}`);
  return BigInt(String(outcome.result));
}

/**
 * Answers as a node would whose newest block is `head`: `latest` and `pending` mean that block, and later ones are
 * unknown. Prices that are asked for without a block (`eth_gasPrice`) and filters are the real node's.
 */
export async function askAsOf({ method, params }: RpcCall, head: bigint, ask: AskNode): Promise<RpcOutcome> {
  if (method === 'eth_blockNumber') return { result: toHex(head) };
  if (method === 'eth_getLogs') return logsAsOf(params, head, ask);
  const stateAt = stateCalls[method];
  if (stateAt !== undefined || blockCalls.includes(method)) {
    const at = stateAt ?? 0;
    const block = await knownBlock(params[at], head, ask);
    if (block === undefined) return stateAt === undefined ? { result: null } : unknownBlock();
    const pinned = [...params];
    pinned[at] = block;
    return ask(method, pinned);
  }
  const outcome = await ask(method, params);
  return lookUps.includes(method) ? hiddenAbove(head, method, outcome) : outcome;
}

function unknownBlock(): RpcOutcome {
  return { error: { code: serverErrorCode, message: 'header not found' } };
}

/** The block that is meant, in a form that the real node understands alike; undefined when it is above the head. */
async function knownBlock(named: unknown, head: bigint, ask: AskNode): Promise<unknown> {
  if (isRecord(named)) {
    const inner = await knownBlock(named['blockHash'] ?? named['blockNumber'], head, ask);
    return inner && named;
  }
  const text = String(named ?? 'latest');
  if (newestTags.includes(text)) return toHex(head);
  if (text === 'earliest') return text;
  if (settledTags.includes(text)) {
    const settled = await numberOf(ask('eth_getBlockByNumber', [text, false]));
    return settled === undefined ? undefined : toHex(settled < head ? settled : head);
  }
  const isHash = text.length === blockHashLength;
  const number = isHash ? await numberOf(ask('eth_getBlockByHash', [text, false])) : BigInt(text);
  return isAtMost(head, number) ? text : undefined;
}

function isAtMost(head: bigint, number: bigint | undefined): boolean {
  return number !== undefined && number <= head;
}

async function logsAsOf(params: readonly unknown[], head: bigint, ask: AskNode): Promise<RpcOutcome> {
  const filter = isRecord(params[0]) ? params[0] : {};
  if (filter['blockHash'] !== undefined) {
    const block = await knownBlock(filter['blockHash'], head, ask);
    return block === undefined ? unknownBlock() : ask('eth_getLogs', params);
  }
  const fromBlock = await knownBlock(filter['fromBlock'], head, ask);
  if (fromBlock === undefined) return { result: [] };
  const toBlock = (await knownBlock(filter['toBlock'], head, ask)) ?? toHex(head);
  return ask('eth_getLogs', [{ ...filter, fromBlock, toBlock }]);
}

function hiddenAbove(head: bigint, method: string, outcome: RpcOutcome): RpcOutcome {
  if (!('result' in outcome) || !isRecord(outcome.result)) return outcome;
  const number = outcome.result[method === 'eth_getBlockByHash' ? 'number' : 'blockNumber'];
  if (typeof number !== 'string' || BigInt(number) <= head) return outcome;
  // A transaction travels ahead of its block: the node has it, but as pending.
  return method === 'eth_getTransactionByHash'
    ? { result: { ...outcome.result, blockHash: null, blockNumber: null, transactionIndex: null } }
    : { result: null };
}

async function numberOf(asked: Promise<RpcOutcome>): Promise<bigint | undefined> {
  const outcome = await asked;
  if (!('result' in outcome) || !isRecord(outcome.result)) return undefined;
  const { number } = outcome.result;
  return typeof number === 'string' ? BigInt(number) : undefined;
}
