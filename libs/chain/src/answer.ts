import { lengthMin } from '@quittance/protocol';
import type { Address, Hex } from 'viem';
import { z } from 'zod';

import { type AuthorizationUsedLog, authorizationUsedAmong } from './authorization-used.js';
import { tellingBloom } from './bloom.js';
import { proxyTransfersAmong, type TransferLog } from './permit2-logs.js';

/** Schemas of what nodes answer; unknown fields are left out, and hex comes out in lower case. */

const lowerCase = <T extends string>(text: string) => text.toLowerCase() as T;

export const quantitySchema = z
  .string()
  .regex(/^0x[0-9a-fA-F]{1,64}$/)
  .transform(BigInt);

/** Not a pattern of pairs: on an answer of megabytes the engine's stack overflows, which is an exception. */
const digitsPattern = /^0x[0-9a-fA-F]*$/;

export const bytesSchema = z
  .string()
  .refine((text) => text.length % 2 === 0 && digitsPattern.test(text))
  .transform(lowerCase<Hex>);

export const hashSchema = z
  .string()
  .regex(/^0x[0-9a-fA-F]{64}$/)
  .transform(lowerCase<Hex>);

export const addressSchema = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/)
  .transform(lowerCase<Address>);

const chainNumberMax = BigInt(Number.MAX_SAFE_INTEGER);

export const chainNumberSchema = quantitySchema.refine((value) => value > 0n && value <= chainNumberMax);

export type Block = {
  readonly number: bigint;
  readonly hash: Hex;
  readonly parentHash: Hex;
  /** Unix seconds. */
  readonly time: bigint;
  /** Wei; null on a chain without EIP-1559. */
  readonly baseFeePerGas: bigint | null;
  /** The filter over its logs; null where it would say nothing. */
  readonly logsBloom: Hex | null;
};

export const blockSchema = z
  .object({
    number: quantitySchema,
    hash: hashSchema,
    parentHash: hashSchema,
    timestamp: quantitySchema,
    baseFeePerGas: quantitySchema.nullish(),
    logsBloom: z.unknown().optional(),
  })
  .transform(({ number, hash, parentHash, timestamp, baseFeePerGas, logsBloom }): Block => ({
    number,
    hash,
    parentHash,
    time: timestamp,
    baseFeePerGas: baseFeePerGas ?? null,
    logsBloom: tellingBloom(logsBloom),
  }));

export type Receipt = {
  readonly transaction: Hex;
  readonly status: 'success' | 'reverted';
  readonly blockNumber: bigint;
  readonly blockHash: Hex;
  readonly from: Address;
  readonly gasUsed: bigint;
  /** Wei a unit of gas, as charged. */
  readonly gasPrice: bigint;
  /** Wei that a rollup charges for its data on L1; null where there is no such charge. */
  readonly l1Fee: bigint | null;
  /** Wei that the operator of a rollup of the OP stack charges; null where there is no such charge. */
  readonly operatorFee: bigint | null;
  /** Wei in all. */
  readonly fee: bigint;
  /** Authorizations that the transaction used, of any token. */
  readonly authorizationsUsed: readonly AuthorizationUsedLog[];
  /** What it moved where a proxy of x402's settled a permit in it; none where no proxy did. */
  readonly proxyTransfers: readonly TransferLog[];
};

const receiptLogsSchema = z.unknown().transform((logs, context) => {
  const authorizationsUsed = authorizationUsedAmong(logs);
  const proxyTransfers = proxyTransfersAmong(logs);
  if (authorizationsUsed !== undefined && proxyTransfers !== undefined)
    return { authorizationsUsed, proxyTransfers };
  context.addIssue({ code: 'custom', message: 'expected logs' });
  return z.NEVER;
});

const receiptObject = z.object({
  transactionHash: hashSchema,
  status: z.enum(['0x0', '0x1']),
  blockNumber: quantitySchema,
  blockHash: hashSchema,
  from: addressSchema,
  gasUsed: quantitySchema,
  effectiveGasPrice: quantitySchema,
  l1Fee: quantitySchema.nullish(),
  operatorFeeScalar: quantitySchema.nullish(),
  operatorFeeConstant: quantitySchema.nullish(),
  daFootprintGasScalar: quantitySchema.nullish(),
});

/** The schema of a receipt, of whose logs another one reads what is wanted. */
export function receiptSchemaOf<Logs extends object>(logs: z.ZodType<Logs>) {
  return receiptObject.extend({ logs }).transform(({ logs: read, ...answer }) => {
    const { gasUsed, effectiveGasPrice: gasPrice, l1Fee } = answer;
    const operatorFee = operatorFeeOf(answer);
    return {
      transaction: answer.transactionHash,
      status: answer.status === '0x1' ? ('success' as const) : ('reverted' as const),
      blockNumber: answer.blockNumber,
      blockHash: answer.blockHash,
      from: answer.from,
      gasUsed,
      gasPrice,
      l1Fee: l1Fee ?? null,
      operatorFee,
      fee: gasUsed * gasPrice + (l1Fee ?? 0n) + (operatorFee ?? 0n),
      ...read,
    };
  });
}

export const receiptSchema = receiptSchemaOf(receiptLogsSchema);

/** The OP stack's receipts hold the rates and not the charge. */
function operatorFeeOf({
  gasUsed,
  operatorFeeScalar: scalar,
  operatorFeeConstant: constant,
  daFootprintGasScalar,
}: {
  readonly gasUsed: bigint;
  readonly operatorFeeScalar?: bigint | null | undefined;
  readonly operatorFeeConstant?: bigint | null | undefined;
  readonly daFootprintGasScalar?: bigint | null | undefined;
}): bigint | null {
  const has = (value: bigint | null | undefined): value is bigint => value !== null && value !== undefined;
  if (!has(scalar) && !has(constant)) return null;
  const scaled = gasUsed * (scalar ?? 0n);
  // The upgrade Jovian changed the unit of the scalar, and brought the field by which its receipts are known.
  return (has(daFootprintGasScalar) ? scaled * 100n : scaled / 1_000_000n) + (constant ?? 0n);
}

export const minedTransactionSchema = z.object({
  from: addressSchema,
  to: addressSchema.nullable(),
  input: bytesSchema,
  value: quantitySchema,
  gas: quantitySchema,
  blockNumber: quantitySchema.nullable(),
});

export const feeHistorySchema = z.object({
  baseFeePerGas: z.array(quantitySchema).check(lengthMin(1)),
  reward: z.array(z.array(quantitySchema)).nullish(),
});
