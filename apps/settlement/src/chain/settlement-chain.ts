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
  | 'authorizationUsed'
  | 'authorizationState'
  | 'spentNonces'
  | 'receipt'
  | 'transactionCount'
  | 'fees'
  | 'broadcast'
  | 'revertReason'
> & {
  estimateTransfer(transfer: Transfer, from: Hex): Promise<GasEstimate>;
};

export type AuthorizationLog = Awaited<ReturnType<SettlementChain['authorizationUsed']>>[number];
export type ChainBlock = Awaited<ReturnType<SettlementChain['latestBlock']>>;
export type ChainReceipt = NonNullable<Awaited<ReturnType<SettlementChain['receipt']>>>;
