import type { Address, Hex } from 'viem';

/** Reading logs by hand: a block has hundreds of them, each of seven fields, and no other answer is as long. */

export type Fields = Readonly<Record<string, unknown>>;

/** Where a log stands. */
export type LogPlace = {
  readonly transaction: Hex;
  readonly blockNumber: bigint;
  readonly blockHash: Hex;
  readonly logIndex: number;
};

export const hashPattern = /^0x[0-9a-fA-F]{64}$/;
export const addressPattern = /^0x[0-9a-fA-F]{40}$/;
const quantityPattern = /^0x[0-9a-fA-F]{1,64}$/;
const addressTopicPattern = /^0x0{24}[0-9a-fA-F]{40}$/;
const addressTopicOffset = 26;

/** The place of a log and the contract that wrote it; undefined where one of them is missing or malformed. */
export function readPlace(fields: Fields): (LogPlace & { readonly address: Address }) | undefined {
  const { address, transactionHash, blockNumber, blockHash, logIndex } = fields;
  if (
    !isText(address, addressPattern) ||
    !isText(transactionHash, hashPattern) ||
    !isText(blockNumber, quantityPattern) ||
    !isText(blockHash, hashPattern) ||
    !isText(logIndex, quantityPattern)
  ) {
    return undefined;
  }
  return {
    address: lowerCase(address),
    transaction: lowerCase(transactionHash),
    blockNumber: BigInt(blockNumber),
    blockHash: lowerCase(blockHash),
    logIndex: Number(logIndex),
  };
}

/** Reads each entry; undefined unless all are logs. Those that a node took back in a reorganisation are left out. */
export function readEntries<Log>(
  answer: unknown,
  readLog: (fields: Fields) => Log | undefined,
): Log[] | undefined {
  if (!Array.isArray(answer)) return undefined;
  const logs: Log[] = [];
  for (const entry of answer as unknown[]) {
    if (!isObject(entry) || !isBooleanOrNone(entry['removed'])) return undefined;
    const log = readLog(entry);
    if (log === undefined) return undefined;
    if (entry['removed'] !== true) logs.push(log);
  }
  return logs;
}

/** The topics of a log that is of one event with so many of them; undefined for another. */
export function topicsOf(entry: unknown, event: Hex, count: number): readonly unknown[] | undefined {
  if (!isObject(entry) || !Array.isArray(entry['topics']) || entry['topics'].length !== count)
    return undefined;
  const topics = entry['topics'] as unknown[];
  const [first] = topics;
  return isText(first, hashPattern) && lowerCase(first) === event ? topics : undefined;
}

/** The address in a topic; undefined where there is none. */
export function addressOfTopic(topic: unknown): Address | undefined {
  return isText(topic, addressTopicPattern)
    ? `0x${topic.slice(addressTopicOffset).toLowerCase()}`
    : undefined;
}

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isText(value: unknown, pattern: RegExp): value is Hex {
  return typeof value === 'string' && pattern.test(value);
}

export function lowerCase(text: Hex): Hex {
  return text.toLowerCase() as Hex;
}

function isBooleanOrNone(value: unknown): boolean {
  return value === undefined || value === null || typeof value === 'boolean';
}
