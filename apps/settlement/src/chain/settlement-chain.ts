import type { EvmChain, GasEstimate } from '@quittance/chain';

import type { Transfer } from '../attempt/transfer.js';
import type { Hex } from '../payment/payment.js';

/** What settling asks of a chain. */
export type SettlementChain = Pick<
  EvmChain,
  | 'network'
  | 'checkIdentity'
  | 'ping'
  | 'latestBlock'
  | 'block'
  | 'finalizedBlock'
  | 'watchHeads'
  | 'endpointsHealth'
  | 'authorizationUsedWithBlock'
  | 'authorizationEnds'
  | 'authorizationState'
  | 'spentNonces'
  | 'receipt'
  | 'blockNumberOf'
  | 'transactionCount'
  | 'simulateBatch'
  | 'transactionCountMax'
  | 'balance'
  | 'fees'
  | 'broadcast'
  | 'revertReason'
> & {
  estimateTransfer(transfer: Transfer, from: Hex): Promise<GasEstimate>;
};

export type AuthorizationLog = Awaited<
  ReturnType<SettlementChain['authorizationUsedWithBlock']>
>['logs'][number];
export type ChainBlock = Awaited<ReturnType<SettlementChain['latestBlock']>>;
export type ChainReceipt = NonNullable<Awaited<ReturnType<SettlementChain['receipt']>>>;
