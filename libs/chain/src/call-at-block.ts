import { toHex } from 'viem';

import type { RpcAnswer } from './json-rpc.js';
import { isOneNodesTrouble } from './rpc-error.js';
import type { RpcPool } from './rpc-pool.js';

/** A balancer may ask another node for the block that one has just named: it gets it within moments. */
const missingBlockPausesMs = [50, 200, 500];

/** `eth_call` on a block that a node has named, though another may be asked that has not got it yet. */
export async function callAtBlock(
  rpc: Pick<RpcPool, 'ask'>,
  call: object,
  blockNumber: bigint,
): Promise<RpcAnswer> {
  const ask = async () => rpc.ask('eth_call', call, toHex(blockNumber));
  let answer = await ask();
  for (const pauseMs of missingBlockPausesMs) {
    if (answer.ok || !isOneNodesTrouble(answer.error)) break;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    answer = await ask();
  }
  return answer;
}
