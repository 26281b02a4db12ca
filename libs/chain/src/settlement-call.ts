import { deploymentCallOf, type Settlement, settlementCallOf } from '@quittance/exact-evm';
import type { Address } from 'viem';

import { type Call, encodeAggregate3, multicall3Address } from './multicall.js';

/**
 * What the transaction of one payment may use at most. The code of a payer's wallet is the payer's, and could have us pay
 * for any amount of gas; a deployment with an expensive check of its first signature takes less than half of this.
 */
export const settlementGasMax = 2_000_000n;

/**
 * The call of the transaction that settles one payment. Where its payer's wallet may have to be deployed first, both go
 * through Multicall3: a deployment that fails does no harm, as somebody may have made it before, but the transfer must
 * not fail. By `upto` the proxy has to see who calls, and there is no deployment.
 */
export function transactionCallOf(settlement: Settlement, factories: readonly Address[]): Call {
  const call = settlementCallOf(settlement);
  const deployment = isPinned(settlement) ? null : deploymentCallOf(settlement, factories);
  if (deployment === null) return call;
  return { to: multicall3Address, data: encodeAggregate3([deployment, { ...call, mustSucceed: true }]) };
}

/** The calls of {@link transactionCallOf} one by one, to be tried each by itself. */
export function stepsOf(settlement: Settlement, factories: readonly Address[]): readonly Call[] {
  const deployment = isPinned(settlement) ? null : deploymentCallOf(settlement, factories);
  const call = settlementCallOf(settlement);
  return deployment === null ? [call] : [deployment, call];
}

function isPinned(settlement: Settlement): boolean {
  return settlement.method === 'permit2' && settlement.facilitator !== null;
}
