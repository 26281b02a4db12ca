import { setTimeout as sleep } from 'node:timers/promises';

import { authorizationUsedTopic } from '@quittance/exact-evm';
import { type Address, type Hex, pad } from 'viem';

import type { Block } from './answer.js';
import {
  authorizationCancelledTopic,
  type AuthorizationEnds,
  authorizationEndsSchema,
  type AuthorizationUsedLog,
  authorizationUsedLogsSchema,
} from './authorization-used.js';
import { bloomFits, bloomFullness } from './bloom.js';
import { readBlockAuthorizations } from './block-receipts.js';
import { askBlock, type LogFilter, type LogRange, readInParts } from './log-range.js';
import type { RpcPool } from './rpc-pool.js';

export type AuthorizationRange = LogRange & { readonly authorizer?: Address; readonly nonce?: Hex };

export type AuthorizationLogs = {
  readonly logs: AuthorizationUsedLog[];
  /** The last block of the range, as the node has it that gave the logs. */
  readonly lastBlock: Block;
};

/** One authorization, and where to look for its end. */
export type EndRange = LogRange & {
  readonly asset: Address;
  readonly authorizer: Address;
  readonly nonce: Hex;
};

/** Blocks whose filters are compared with their logs at a time: with the logs they fit into one request. */
const comparedBlocksMax = 40n;
/** Of many blocks at once, filters with more bits set than this are not followed up: they fit nearly everything. */
const fullnessMax = 0.9;
/** Where a node gives no receipts of a block: how often it is asked for the logs again before it is believed. */
const asksAgain = 3;
const askAgainPauseMs = 500;

/**
 * The logs of a range of blocks, in parts where a node finds it too long. A node that has not got the range yet has no
 * logs of it either, and says so with the same empty list; so each part is asked for in one turn with its blocks. And a
 * node may have a block and not its logs: where a block's own filter says that there are some, and none came, they are
 * looked for in its receipts.
 */
export async function readAuthorizationLogs(
  rpc: RpcPool,
  assets: readonly Address[],
  range: AuthorizationRange,
): Promise<AuthorizationLogs> {
  const { fromBlock, toBlock, authorizer, nonce } = range;
  const payer = authorizer === undefined ? null : pad(authorizer);
  const filter = { address: assets, topics: [authorizationUsedTopic, payer, nonce ?? null] };
  if (authorizer !== undefined || nonce !== undefined) {
    const { parts, lastBlock } = await readInParts(rpc, authorizationUsedLogsSchema, { filter, range });
    return { logs: parts.flat(), lastBlock };
  }
  let read = await readCompared(rpc, filter, partOf(range, fromBlock));
  for (let from = fromBlock + comparedBlocksMax; from <= toBlock; from += comparedBlocksMax) {
    const next = await readCompared(rpc, filter, partOf(range, from));
    read = { logs: [...read.logs, ...next.logs], lastBlock: next.lastBlock };
  }
  return read;
}

/** The logs that used or cancelled one authorization. Not compared with filters: nothing found proves nothing. */
export async function readAuthorizationEnds(
  rpc: RpcPool,
  { asset, authorizer, nonce, ...range }: EndRange,
): Promise<AuthorizationEnds> {
  const topics = [[authorizationUsedTopic, authorizationCancelledTopic], pad(authorizer), nonce];
  const { parts } = await readInParts(rpc, authorizationEndsSchema, {
    filter: { address: [asset], topics },
    range,
  });
  return {
    used: parts.flatMap(({ used }) => used),
    cancelled: parts.flatMap(({ cancelled }) => cancelled),
  };
}

function partOf({ toBlock }: LogRange, fromBlock: bigint): LogRange {
  const last = fromBlock + comparedBlocksMax - 1n;
  return { fromBlock, toBlock: last < toBlock ? last : toBlock };
}

async function readCompared(rpc: RpcPool, filter: LogFilter, range: LogRange): Promise<AuthorizationLogs> {
  const asked = readInParts(rpc, authorizationUsedLogsSchema, { filter, range });
  const blocks: Promise<Block | null>[] = [];
  for (let number = range.fromBlock; number < range.toBlock; number += 1n) blocks.push(askBlock(rpc, number));
  const [{ parts, lastBlock }, ...others] = await Promise.all([asked, ...blocks]);
  const logs = parts.flat();
  const withLogs = new Set(logs.map(({ blockNumber }) => blockNumber));
  const isAlone = range.fromBlock >= range.toBlock;
  const hidden: AuthorizationUsedLog[] = [];
  for (const block of [...others, lastBlock]) {
    if (block === null) throw rpc.fault('was asked for logs and has not got all of their blocks');
    if (withLogs.has(block.number) || !announcesLogs(block, filter.address, isAlone)) continue;
    hidden.push(...(await lookAgain(rpc, filter, block)));
  }
  return { logs: hidden.length === 0 ? logs : [...logs, ...hidden].sort(inOrder), lastBlock };
}

function inOrder(a: AuthorizationUsedLog, b: AuthorizationUsedLog): number {
  return Number(a.blockNumber - b.blockNumber) || a.logIndex - b.logIndex;
}

function announcesLogs({ logsBloom }: Block, assets: readonly Address[], isAlone: boolean): boolean {
  if (logsBloom === null) return false;
  const fits = assets.some((asset) => bloomFits(logsBloom, [asset, authorizationUsedTopic]));
  return fits && (isAlone || bloomFullness(logsBloom) <= fullnessMax);
}

/** Logs of a block of which the node gave none, and the block's filter fits some: by chance, or not. */
async function lookAgain(
  rpc: RpcPool,
  filter: LogFilter,
  block: Block,
): Promise<readonly AuthorizationUsedLog[]> {
  const found = await readBlockAuthorizations(rpc, block);
  if (found !== null) return found.filter(({ asset }) => filter.address.includes(asset));
  const range = { fromBlock: block.number, toBlock: block.number };
  for (let asked = 0; asked < asksAgain; asked += 1) {
    await sleep(askAgainPauseMs);
    const { parts, lastBlock } = await readInParts(rpc, authorizationUsedLogsSchema, { filter, range });
    if (lastBlock.hash !== block.hash) throw rpc.fault(`changed its mind about block ${block.number}`);
    if (parts.some((logs) => logs.length > 0)) return parts.flat();
  }
  return [];
}
