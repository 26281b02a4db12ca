import type { Address, Hex } from 'viem';
import { z } from 'zod';

/** Schemas of what nodes answer; unknown fields are left out, and hex comes out in lower case. */

const lowerCase = <T extends string>(text: string) => text.toLowerCase() as T;

export const quantitySchema = z
  .string()
  .regex(/^0x[0-9a-fA-F]{1,64}$/)
  .transform(BigInt);

export const bytesSchema = z
  .string()
  .regex(/^0x([0-9a-fA-F]{2})*$/)
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
  /** Unix seconds. */
  readonly time: bigint;
  /** Wei; null on a chain without EIP-1559. */
  readonly baseFeePerGas: bigint | null;
};

export const blockSchema = z
  .object({
    number: quantitySchema,
    hash: hashSchema,
    timestamp: quantitySchema,
    baseFeePerGas: quantitySchema.nullish(),
  })
  .transform(({ number, hash, timestamp, baseFeePerGas }): Block => ({
    number,
    hash,
    time: timestamp,
    baseFeePerGas: baseFeePerGas ?? null,
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
  /** Wei in all, with what a rollup charges for its data. */
  readonly fee: bigint;
};

export const receiptSchema = z
  .object({
    transactionHash: hashSchema,
    status: z.enum(['0x0', '0x1']),
    blockNumber: quantitySchema,
    blockHash: hashSchema,
    from: addressSchema,
    gasUsed: quantitySchema,
    effectiveGasPrice: quantitySchema,
    l1Fee: quantitySchema.nullish(),
  })
  .transform((answer): Receipt => ({
    transaction: answer.transactionHash,
    status: answer.status === '0x1' ? 'success' : 'reverted',
    blockNumber: answer.blockNumber,
    blockHash: answer.blockHash,
    from: answer.from,
    gasUsed: answer.gasUsed,
    gasPrice: answer.effectiveGasPrice,
    fee: answer.gasUsed * answer.effectiveGasPrice + (answer.l1Fee ?? 0n),
  }));

export type AuthorizationUsedLog = {
  readonly asset: Address;
  readonly authorizer: Address;
  readonly nonce: Hex;
  readonly transaction: Hex;
  readonly blockNumber: bigint;
  readonly blockHash: Hex;
  readonly logIndex: number;
};

const authorizerTopic = z
  .string()
  .regex(/^0x0{24}[0-9a-fA-F]{40}$/)
  .transform((topic) => `0x${topic.slice(26).toLowerCase()}` as Address);

const authorizationUsedSchema = z.object({
  address: addressSchema,
  topics: z.tuple([hashSchema, authorizerTopic, hashSchema]),
  transactionHash: hashSchema,
  blockNumber: quantitySchema,
  blockHash: hashSchema,
  logIndex: quantitySchema,
  removed: z.boolean().nullish(),
});

/** Logs that a node took back in a reorganisation are left out. */
export const authorizationUsedLogsSchema = z.array(authorizationUsedSchema).transform((logs) =>
  logs
    .filter(({ removed }) => removed !== true)
    .map((log): AuthorizationUsedLog => ({
      asset: log.address,
      authorizer: log.topics[1],
      nonce: log.topics[2],
      transaction: log.transactionHash,
      blockNumber: log.blockNumber,
      blockHash: log.blockHash,
      logIndex: Number(log.logIndex),
    })),
);

export const minedTransactionSchema = z.object({
  from: addressSchema,
  to: addressSchema.nullable(),
  input: bytesSchema,
  value: quantitySchema,
  gas: quantitySchema,
  blockNumber: quantitySchema.nullable(),
});

export const feeHistorySchema = z.object({
  baseFeePerGas: z.array(quantitySchema).min(1),
  reward: z.array(z.array(quantitySchema)).nullish(),
});
