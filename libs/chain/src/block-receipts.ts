import { toHex } from 'viem';
import { z } from 'zod';

import { type Block, hashSchema } from './answer.js';
import { type AuthorizationUsedLog, authorizationUsedAmongSchema } from './authorization-used.js';
import { ChainUnavailableError } from './chain-error.js';
import type { RpcPool } from './rpc-pool.js';

const blockReceiptsSchema = z
  .array(z.object({ blockHash: hashSchema, logs: authorizationUsedAmongSchema }))
  .nullable();

/**
 * Authorizations that a block's receipts say it used; null where the node cannot give them, as not every node can.
 *
 * @throws ChainUnavailableError when the receipts are not of that block, or are none although its filter is of some.
 */
export async function readBlockAuthorizations(
  rpc: RpcPool,
  block: Block,
): Promise<readonly AuthorizationUsedLog[] | null> {
  const receipts = await readReceipts(rpc, block);
  if (receipts === undefined) return null;
  if (
    receipts === null ||
    receipts.length === 0 ||
    receipts.some(({ blockHash }) => blockHash !== block.hash)
  ) {
    throw rpc.fault(`gave receipts of block ${block.number} that contradict the block`);
  }
  return receipts.flatMap(({ logs }) => logs);
}

/** Undefined where there is no usable answer: one that never comes must not hold up for ever who can ask otherwise. */
async function readReceipts(
  rpc: RpcPool,
  { number }: Block,
): Promise<z.output<typeof blockReceiptsSchema> | undefined> {
  try {
    const answer = await rpc.ask('eth_getBlockReceipts', toHex(number));
    return answer.ok ? blockReceiptsSchema.safeParse(answer.result).data : undefined;
  } catch (error) {
    if (error instanceof ChainUnavailableError) return undefined;
    throw error;
  }
}
