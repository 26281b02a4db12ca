import { type Address, toHex } from 'viem';
import type { z } from 'zod';

import { type Block, blockSchema } from './answer.js';
import { asksForShorterRange, describeRpcError } from './rpc-error.js';
import type { RpcPool } from './rpc-pool.js';

/** Blocks, both ends included. */
export type LogRange = { readonly fromBlock: bigint; readonly toBlock: bigint };

export type LogFilter = { readonly address: readonly Address[]; readonly topics: readonly unknown[] };

type Question = { readonly filter: LogFilter; readonly range: LogRange };
/** What the parts of a range said, and its last block, as the node has it that gave the logs. */
type Parts<Answer> = { readonly parts: readonly Answer[]; readonly lastBlock: Block };

/**
 * The logs of a range, in parts where a node finds it too long. A node that has not got the range yet has no logs of it
 * either, and says so with the same empty list; so each part is asked for in one turn with its last block.
 */
export async function readInParts<Schema extends z.ZodType>(
  rpc: RpcPool,
  schema: Schema,
  { filter, range }: Question,
): Promise<Parts<z.output<Schema>>> {
  const { fromBlock, toBlock } = range;
  const [answer, lastBlock] = await Promise.all([
    rpc.ask('eth_getLogs', { ...filter, fromBlock: toHex(fromBlock), toBlock: toHex(toBlock) }),
    askBlock(rpc, toBlock),
  ]);
  if (lastBlock === null) throw rpc.fault(`was asked for logs and has not got block ${toBlock}`);
  if (answer.ok) return { parts: [rpc.read(schema, 'eth_getLogs', answer.result)], lastBlock };
  if (fromBlock >= toBlock || !asksForShorterRange(answer.error)) {
    throw rpc.fault(`refused eth_getLogs: ${describeRpcError(answer.error)}`);
  }
  const middle = (fromBlock + toBlock) / 2n;
  const lower = await readInParts(rpc, schema, { filter, range: { fromBlock, toBlock: middle } });
  const upper = await readInParts(rpc, schema, { filter, range: { fromBlock: middle + 1n, toBlock } });
  return { parts: [...lower.parts, ...upper.parts], lastBlock: upper.lastBlock };
}

/** null for a block that the node has not got (yet). */
export async function askBlock(rpc: RpcPool, number: bigint): Promise<Block | null> {
  return rpc.request(blockSchema.nullable(), 'eth_getBlockByNumber', toHex(number), false);
}
