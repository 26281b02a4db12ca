import { atomicAmount } from '@quittance/money';
import { type Address, encodeFunctionData, erc20Abi, fromRlp, type Hex, toRlp } from 'viem';

import { type Erc20ApprovalSponsoring, permit2Address } from '../src/index.js';
import { asset, payer } from './scenario.js';

export const unlimited = 2n ** 256n - 1n;

/** Calldata of `approve`. */
export function approveData(spender: Address = permit2Address, amount: bigint = unlimited): Hex {
  return encodeFunctionData({ abi: erc20Abi, functionName: 'approve', args: [spender, amount] });
}

/** The transaction that the published SDK signs. */
export const approvalTransaction = {
  type: 'eip1559',
  chainId: 84_532,
  nonce: 7,
  gas: 70_000n,
  maxFeePerGas: 1_000_000_000n,
  maxPriorityFeePerGas: 100_000_000n,
  to: asset,
  data: approveData(),
} as const;

type Transaction = Parameters<typeof payer.signTransaction>[0];

/** The extension with a transaction by `signer`. */
export async function approvalBy(
  signer: typeof payer,
  changes: Readonly<Record<string, unknown>> = {},
): Promise<Erc20ApprovalSponsoring> {
  return {
    kind: 'erc20_approval',
    from: payer.address.toLowerCase() as Address,
    asset,
    spender: permit2Address,
    amount: atomicAmount(unlimited),
    signedTransaction: await signer.signTransaction({ ...approvalTransaction, ...changes } as Transaction),
  };
}

/** A raw EIP-1559 transaction with one of its fields replaced: 9 is the parity, 10 r and 11 s. */
export function withField(raw: Hex, at: number, field: Hex): Hex {
  const fields = fromRlp(`0x${raw.slice(4)}`, 'hex') as Hex[];
  return `0x02${toRlp(fields.map((old, index) => (index === at ? field : old))).slice(2)}`;
}
