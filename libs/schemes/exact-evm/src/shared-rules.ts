import type { Refusal } from '@quittance/protocol';

import type { Judged } from './facts.js';
import { readRevert } from './revert.js';

/** A call of an address without code succeeds and moves nothing. */
export function assetIsContract({ payment, facts }: Judged): Refusal | undefined {
  if (facts.assetHasCode) return undefined;
  return {
    reason: 'asset_not_deployed_contract',
    message: `There is no contract at the asset's address ${payment.asset} on ${payment.chainId}.`,
  };
}

/** Where a wallet has to be deployed first, its factory does so. */
export function walletIsDeployable({ payment, facts }: Judged): Refusal | undefined {
  const { simulation, blockNumber } = facts;
  if (simulation.ok || simulation.failedAt !== 'deployment') return undefined;
  return {
    reason: 'smart_wallet_deployment_failed',
    message: `Deploying the payer's wallet ${payment.payer} was tried on block ${blockNumber} without sending it, and reverted ${readRevert(simulation.revert).words}.`,
  };
}
