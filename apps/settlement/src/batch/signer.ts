import { encodeBatch, multicall3Address, type Fees } from '@quittance/chain';
import { encodeTransferWithAuthorization } from '@quittance/exact-evm';
import { evmChainNumber } from '@quittance/money';

import { transferOf } from '../attempt/transfer.js';
import type { Hex, Payment } from '../payment/payment.js';
import type { LeasedRelayer } from '../relayer/lease.js';
import type { SignedTransaction, Slot } from './batch.js';

/** What a transaction does: all of its versions do the same. */
export type Errand = { readonly to: Hex; readonly data: Hex; readonly gas: bigint };

/** A self-transfer of nothing. */
const fillerGas = 21_000n;

/**
 * One payment goes to its token, several through Multicall3, in which each may fail by itself; none is a transfer of
 * nothing to oneself, which only uses up a nonce.
 */
export function errandOf(payments: readonly Payment[], relayer: Hex, gasLimit: bigint): Errand {
  const [first] = payments;
  if (first === undefined) return { to: relayer, data: '0x', gas: fillerGas };
  const calls = payments.map((payment) => ({
    to: payment.asset,
    data: encodeTransferWithAuthorization(transferOf(payment)),
  }));
  const [only] = calls;
  if (calls.length === 1 && only !== undefined) return { ...only, gas: gasLimit };
  return { to: multicall3Address, data: encodeBatch(calls), gas: gasLimit };
}

/** Signs with the relayer's key: pays gas, moves nobody's money but the payers' as authorized. */
export function signErrand(
  relayer: LeasedRelayer['relayer'],
  { chainId, nonce }: Pick<Slot, 'chainId' | 'nonce'>,
  { errand, fees, version }: { readonly errand: Errand; readonly fees: Fees; readonly version: number },
): SignedTransaction {
  const { type, maxFeePerGas, maxPriorityFeePerGas } = fees;
  const { raw, hash } = relayer.sign({
    type,
    chainNumber: evmChainNumber(chainId),
    nonce,
    ...errand,
    fees: { maxFeePerGas, maxPriorityFeePerGas },
    value: 0n,
  });
  return { raw, hash, version, maxFeePerGas, maxPriorityFeePerGas };
}
