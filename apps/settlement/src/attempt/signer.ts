import { encodeTransferWithAuthorization } from '@quittance/exact-evm';
import type { Relayer } from '@quittance/chain';
import { type ChainId, evmChainNumber } from '@quittance/money';

import type { Attempt, SignRequest } from './attempt.js';
import { transferOf } from './transfer.js';

export type Fees = { readonly maxFeePerGas: bigint; readonly maxPriorityFeePerGas: bigint };

/** Signs a payment's transfer with the relayer's key: pays gas, moves nobody's money but the payer's as authorized. */
export async function signAttempt(
  relayer: Pick<Relayer, 'address' | 'signTransfer'>,
  { payment, n, nonce, gasLimit }: SignRequest,
  { maxFeePerGas, maxPriorityFeePerGas }: Fees,
): Promise<Attempt> {
  const chainId: ChainId = payment.chainId;
  const { raw, hash } = await relayer.signTransfer({
    chainNumber: evmChainNumber(chainId),
    nonce,
    to: payment.asset,
    data: encodeTransferWithAuthorization(transferOf(payment)),
    gas: gasLimit,
    maxFeePerGas,
    maxPriorityFeePerGas,
  });
  return {
    paymentId: payment.paymentId,
    n,
    chainId,
    relayer: relayer.address,
    nonce,
    raw,
    hash,
    gasLimit,
    maxFeePerGas,
    maxPriorityFeePerGas,
  };
}
