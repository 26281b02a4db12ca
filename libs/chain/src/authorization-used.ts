import { authorizationUsedTopic } from '@quittance/exact-evm';
import { type Address, type Hex, toEventSelector } from 'viem';
import { z } from 'zod';

/** First topic of the log that a token writes when a payer cancels an authorization. EIP-3009 leaves it optional. */
export const authorizationCancelledTopic: Hex = toEventSelector('AuthorizationCanceled(address,bytes32)');

export type AuthorizationUsedLog = {
  readonly asset: Address;
  readonly authorizer: Address;
  readonly nonce: Hex;
  readonly transaction: Hex;
  readonly blockNumber: bigint;
  readonly blockHash: Hex;
  readonly logIndex: number;
};

const quantityPattern = /^0x[0-9a-fA-F]{1,64}$/;
const hashPattern = /^0x[0-9a-fA-F]{64}$/;
const addressPattern = /^0x[0-9a-fA-F]{40}$/;
const addressTopicPattern = /^0x0{24}[0-9a-fA-F]{40}$/;
const addressTopicOffset = 26;
const topicsCount = 3;

/**
 * Logs of `AuthorizationUsed`; those that a node took back in a reorganisation are left out. Read by hand: a block has
 * hundreds of them, each of seven fields, and no other answer is as long.
 */
export const authorizationUsedLogsSchema = z.unknown().transform((answer, context) => {
  const logs = readLogs(answer);
  if (logs !== undefined) return logs;
  context.addIssue({ code: 'custom', message: 'expected logs of AuthorizationUsed' });
  return z.NEVER;
});

/** Logs that ended authorizations, by how: transfers used them, or payers cancelled them. */
export type AuthorizationEnds = {
  readonly used: readonly AuthorizationUsedLog[];
  readonly cancelled: readonly AuthorizationUsedLog[];
};

/** Logs of `AuthorizationUsed` and `AuthorizationCanceled`, which look the same but for the first topic. */
export const authorizationEndsSchema = z.unknown().transform((answer, context): AuthorizationEnds => {
  const used = readLogsOf(authorizationUsedTopic, answer);
  const cancelled = readLogsOf(authorizationCancelledTopic, answer);
  if (used !== undefined && cancelled !== undefined) return { used, cancelled };
  context.addIssue({ code: 'custom', message: 'expected logs of the ends of authorizations' });
  return z.NEVER;
});

/** Of a transaction's logs, those of `AuthorizationUsed`. */
export const authorizationUsedAmongSchema = z.unknown().transform((answer, context) => {
  const logs = readLogsOf(authorizationUsedTopic, answer);
  if (logs !== undefined) return logs;
  context.addIssue({ code: 'custom', message: 'expected logs' });
  return z.NEVER;
});

type Fields = Readonly<Record<string, unknown>>;

/** Other events may come with them, also ones of the same name whose topics are others. */
function readLogsOf(topic: Hex, answer: unknown): AuthorizationUsedLog[] | undefined {
  return Array.isArray(answer) ? readLogs(answer.filter((entry) => isOf(topic, entry))) : undefined;
}

function isOf(topic: Hex, entry: unknown): boolean {
  if (!isObject(entry) || !Array.isArray(entry['topics']) || entry['topics'].length !== topicsCount)
    return false;
  const [event] = entry['topics'] as unknown[];
  return isText(event, hashPattern) && lowerCase(event) === topic;
}

function readLogs(answer: unknown): AuthorizationUsedLog[] | undefined {
  if (!Array.isArray(answer)) return undefined;
  const logs: AuthorizationUsedLog[] = [];
  for (const entry of answer as unknown[]) {
    if (!isObject(entry) || !isBooleanOrNone(entry['removed'])) return undefined;
    const log = readLog(entry);
    if (log === undefined) return undefined;
    if (entry['removed'] !== true) logs.push(log);
  }
  return logs;
}

function readLog(fields: Fields): AuthorizationUsedLog | undefined {
  const { address, topics, transactionHash, blockNumber, blockHash, logIndex } = fields;
  const read = readTopics(topics);
  if (
    read === undefined ||
    !isText(address, addressPattern) ||
    !isText(transactionHash, hashPattern) ||
    !isText(blockNumber, quantityPattern) ||
    !isText(blockHash, hashPattern) ||
    !isText(logIndex, quantityPattern)
  ) {
    return undefined;
  }
  return {
    asset: lowerCase(address),
    ...read,
    transaction: lowerCase(transactionHash),
    blockNumber: BigInt(blockNumber),
    blockHash: lowerCase(blockHash),
    logIndex: Number(logIndex),
  };
}

function readTopics(topics: unknown): Pick<AuthorizationUsedLog, 'authorizer' | 'nonce'> | undefined {
  if (!Array.isArray(topics) || topics.length !== topicsCount) return undefined;
  const [event, authorizer, nonce] = topics as unknown[];
  if (!isText(event, hashPattern) || !isText(nonce, hashPattern)) return undefined;
  if (!isText(authorizer, addressTopicPattern)) return undefined;
  return { authorizer: `0x${authorizer.slice(addressTopicOffset).toLowerCase()}`, nonce: lowerCase(nonce) };
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown, pattern: RegExp): value is Hex {
  return typeof value === 'string' && pattern.test(value);
}

function isBooleanOrNone(value: unknown): boolean {
  return value === undefined || value === null || typeof value === 'boolean';
}

function lowerCase(text: Hex): Hex {
  return text.toLowerCase() as Hex;
}
