import { permit2Address } from '@quittance/exact-evm';
import type { Address } from 'viem';

import { readUint } from './abi.js';
import { bytesSchema, quantitySchema } from './answer.js';
import { allowanceCall, balanceOfCall } from './permit2.js';
import type { RpcPool } from './rpc-pool.js';

/** How an account stands with a token, with Permit2, and with the chain. null where the token gave no usable answer. */
export type Standing = {
  readonly balance: bigint | null;
  /** What it lets Permit2 take. */
  readonly allowance: bigint | null;
  readonly wei: bigint;
  readonly nonce: bigint;
};

/** Asked in one turn, so that one node answers all of it. */
export async function readStanding(rpc: RpcPool, asset: Address, account: Address): Promise<Standing> {
  const read = async (data: `0x${string}`) => {
    const answer = await rpc.ask('eth_call', { to: asset, data }, 'latest');
    return answer.ok ? readUint(rpc.read(bytesSchema, 'eth_call', answer.result)) : null;
  };
  const [balance, allowance, wei, nonce] = await Promise.all([
    read(balanceOfCall(account)),
    read(allowanceCall(account, permit2Address)),
    rpc.request(quantitySchema, 'eth_getBalance', account, 'latest'),
    rpc.request(quantitySchema, 'eth_getTransactionCount', account, 'latest'),
  ]);
  return { balance, allowance, wei, nonce };
}
