import { authorityOf } from '@quittance/exact-evm';
import { toHex } from 'viem';

import { bytesSchema } from './answer.js';
import { type Authorization, readSpent, spentCallOf } from './authorization.js';
import type { ChainUnavailableError } from './chain-error.js';
import { decodeAggregate3, encodeAggregate3, multicall3Address } from './multicall.js';
import type { RpcPool } from './rpc-pool.js';

/** Authorizations read in one call. */
const authorizationsMax = 100;

/**
 * Whether each of some authorizations is used or canceled at a block, in their order.
 *
 * @throws ChainUnavailableError also when a contract does not answer: what is not known is not unspent.
 */
export async function readSpentOf(
  rpc: RpcPool,
  authorizations: readonly Authorization[],
  at: bigint | 'latest',
): Promise<boolean[]> {
  const parts: Promise<boolean[]>[] = [];
  for (let start = 0; start < authorizations.length; start += authorizationsMax) {
    parts.push(readPart(rpc, authorizations.slice(start, start + authorizationsMax), at));
  }
  return (await Promise.all(parts)).flat();
}

async function readPart(
  rpc: RpcPool,
  authorizations: readonly Authorization[],
  at: bigint | 'latest',
): Promise<boolean[]> {
  const call = { to: multicall3Address, data: encodeAggregate3(authorizations.map(spentCallOf)) };
  const block = at === 'latest' ? at : toHex(at);
  const results = decodeAggregate3(
    await rpc.request(bytesSchema, 'eth_call', call, block),
    authorizations.length,
  );
  return authorizations.map((authorization, index) => {
    const result = results?.[index];
    const spent = result?.ok === true ? readSpent(authorization, result.data) : null;
    if (spent === null) throw noAnswer(rpc, authorization);
    return spent;
  });
}

function noAnswer(rpc: RpcPool, authorization: Authorization): ChainUnavailableError {
  const what = authorization.method === 'eip3009' ? 'authorizationState' : 'nonceBitmap';
  return rpc.fault(`gave no answer to ${what} of ${authorityOf(authorization)}`);
}
