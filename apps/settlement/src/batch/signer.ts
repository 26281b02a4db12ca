import { encodeBatch, type Fees, multicall3Address, transactionCallOf } from '@quittance/chain';
import { settlementCallOf } from '@quittance/exact-evm';
import { evmChainNumber } from '@quittance/money';

import { settlementOf } from '../attempt/transfer.js';
import type { Hex, Payment } from '../payment/payment.js';
import type { LeasedRelayer } from '../relayer/lease.js';
import type { Draft, SignedTransaction, Slot } from './batch.js';

/** What a transaction does: all of its versions do the same. */
export type Errand = {
  readonly to: Hex;
  readonly data: Hex;
  readonly gas: bigint;
  /** Wei of the relayer's own. */
  readonly value: bigint;
};

/** A self-transfer of nothing. */
const fillerGas = 21_000n;

/**
 * One payment goes to its token or its proxy, several through Multicall3, in which each may fail by itself; none is what a
 * payer is given for gas, or a transfer of nothing to oneself, which only uses up a nonce.
 */
export function errandOf(
  payments: readonly Payment[],
  { signer, gasLimit, factories, topUp }: Pick<Draft, 'signer' | 'gasLimit' | 'factories' | 'topUp'>,
): Errand {
  if (topUp !== null) return { to: topUp.account, data: '0x', gas: gasLimit, value: topUp.wei };
  const [first, ...others] = payments;
  if (first === undefined) return { to: signer.relayer.address, data: '0x', gas: fillerGas, value: 0n };
  if (others.length === 0)
    return { ...transactionCallOf(settlementOf(first), factories), gas: gasLimit, value: 0n };
  const calls = payments.map((payment) => settlementCallOf(settlementOf(payment)));
  return { to: multicall3Address, data: encodeBatch(calls), gas: gasLimit, value: 0n };
}

/** Signs with the relayer's key: pays gas, moves nobody's money but the payers' as authorized, and gives gas. */
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
  });
  return { raw, hash, version, maxFeePerGas, maxPriorityFeePerGas };
}
