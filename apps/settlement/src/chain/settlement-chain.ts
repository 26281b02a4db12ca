import type { EvmChain } from '@quittance/chain';

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
  | 'permitEnds'
  | 'spentOf'
  | 'standing'
  | 'receipt'
  | 'blockNumberOf'
  | 'calldataOf'
  | 'transactionCount'
  | 'estimateCall'
  | 'goesThrough'
  | 'lastRevert'
  | 'simulateBatch'
  | 'transactionCountMax'
  | 'balance'
  | 'fees'
  | 'broadcast'
  | 'revertReason'
>;

export type AuthorizationLog = Awaited<
  ReturnType<SettlementChain['authorizationUsedWithBlock']>
>['logs'][number];
export type ChainBlock = Awaited<ReturnType<SettlementChain['latestBlock']>>;
export type ChainReceipt = NonNullable<Awaited<ReturnType<SettlementChain['receipt']>>>;
