import type { TransferLog } from '@quittance/chain';

import { authorizationOf } from '../attempt/transfer.js';
import type { Payment } from '../payment/payment.js';
import type { AuthorizationLog, ChainReceipt } from './settlement-chain.js';

/** What tells a payment's transfer from others. */
export type PaymentTerms = Pick<Payment, 'method' | 'asset' | 'payer' | 'payTo' | 'amount' | 'nonce'>;

/**
 * The log by which a transaction moved a payment's money; null when it did not. A token says whose authorization it took.
 * Permit2 says nothing: there it is the transfer that the payment asks for, in a transaction in which a proxy settled,
 * and which carries no other payment.
 */
export function useIn(receipt: ChainReceipt, payment: PaymentTerms): AuthorizationLog | null {
  if (payment.method === 'permit2') {
    const transfer = receipt.proxyTransfers.find((log) => isTransferOf(log, payment));
    return transfer === undefined ? null : useLogOf(transfer, payment);
  }
  const { asset, payer, nonce } = payment;
  const logs = receipt.authorizationsUsed;
  return logs.find((log) => log.asset === asset && log.authorizer === payer && log.nonce === nonce) ?? null;
}

export function isTransferOf(
  { asset, from, to, value }: TransferLog,
  payment: Pick<PaymentTerms, 'asset' | 'payer' | 'payTo' | 'amount'>,
): boolean {
  return (
    asset === payment.asset && from === payment.payer && to === payment.payTo && value === payment.amount
  );
}

/** A transfer as the log of the authorization that it used. */
export function useLogOf(
  { transaction, blockNumber, blockHash, logIndex }: Omit<TransferLog, 'asset' | 'from' | 'to' | 'value'>,
  payment: Pick<PaymentTerms, 'method' | 'asset' | 'payer' | 'nonce'>,
): AuthorizationLog {
  return { ...authorizationOf(payment), transaction, blockNumber, blockHash, logIndex };
}
