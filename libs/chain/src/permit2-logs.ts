import { exactPermit2ProxyAddress, permit2Address, uptoPermit2ProxyAddress } from '@quittance/exact-evm';
import { type Address, type Hex, pad } from 'viem';
import { z } from 'zod';

import {
  addressOfTopic,
  type Fields,
  isObject,
  isText,
  type LogPlace,
  readEntries,
  readPlace,
  topicsOf,
} from './log-fields.js';
import { type LogRange, readInParts } from './log-range.js';
import { isInMask, nonceWordOf } from './permit2.js';
import type { RpcPool } from './rpc-pool.js';

/** A token's log of a transfer. */
export type TransferLog = LogPlace & {
  readonly asset: Address;
  readonly from: Address;
  readonly to: Address;
  readonly value: bigint;
};

/** One permit, and where to look for what spent it. */
export type PermitRange = LogRange & {
  readonly asset: Address;
  readonly payer: Address;
  readonly payTo: Address;
  readonly amount: bigint;
  readonly nonce: Hex;
};

/** What may have spent a permit: transfers that are as it would make them, and calls by which its payer spent it. */
export type PermitEnds = {
  readonly transfers: readonly TransferLog[];
  readonly invalidations: readonly LogPlace[];
};

/** First topics: `Transfer(address,address,uint256)`, the proxies' `Settled()` and `SettledWithPermit()`, and Permit2's
 * `UnorderedNonceInvalidation(address,uint256,uint256)`. */
export const transferTopic: Hex = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef';
const settledTopics: ReadonlySet<string> = new Set([
  '0x97088ec3606cfe8cc112180570d03fcde05f9b8e1bfef8e27784eaf5dd5691b6',
  '0xde5b89d10fc800c459329c382fabfcad0be0ed7e5328e01fae04e507b09ef5d8',
]);
const invalidationTopic: Hex = '0x3704902f963766a4e561bbaab6e6cdc1b1dd12f6e9e99648da8843b3f46b918d';
const proxies: ReadonlySet<string> = new Set([exactPermit2ProxyAddress, uptoPermit2ProxyAddress]);
const transferTopicsCount = 3;
const invalidationTopicsCount = 2;
const dataPattern = /^0x[0-9a-fA-F]*$/;
const wordDigits = 64;

/** Of some logs, the transfers of these tokens; undefined where they are no logs. */
export function transfersAmong(logs: unknown, assets: ReadonlySet<string>): TransferLog[] | undefined {
  if (!Array.isArray(logs)) return undefined;
  return readEntries(
    logs.filter(
      (entry) =>
        isObject(entry) &&
        typeof entry['address'] === 'string' &&
        assets.has(entry['address'].toLowerCase()) &&
        topicsOf(entry, transferTopic, transferTopicsCount) !== undefined,
    ),
    readTransfer,
  );
}

/** Whether a proxy of x402's says among a transaction's logs that it settled a permit. */
export const hasProxySettled = (logs: unknown): boolean => Array.isArray(logs) && logs.some(isOfProxy);

/**
 * Of a transaction's logs, the transfers of tokens, if a proxy of x402's says among them that it settled; none
 * otherwise: a transfer alone is no sign of a permit.
 */
export function proxyTransfersAmong(logs: unknown): TransferLog[] | undefined {
  if (!Array.isArray(logs)) return undefined;
  if (!logs.some(isOfProxy)) return [];
  return readEntries(
    logs.filter((entry) => topicsOf(entry, transferTopic, transferTopicsCount) !== undefined),
    readTransfer,
  );
}

/** What may have spent one permit in a range of blocks. Nothing found proves nothing. */
export async function readPermitEnds(
  rpc: RpcPool,
  { asset, payer, payTo, amount, nonce, ...range }: PermitRange,
): Promise<PermitEnds> {
  const [moved, spent] = await Promise.all([
    readInParts(rpc, transfersSchema, {
      filter: { address: [asset], topics: [transferTopic, pad(payer), pad(payTo)] },
      range,
    }),
    readInParts(rpc, invalidationsSchema, {
      filter: { address: [permit2Address], topics: [invalidationTopic, pad(payer)] },
      range,
    }),
  ]);
  const word = nonceWordOf(nonce);
  return {
    transfers: moved.parts.flat().filter(({ value }) => value === amount),
    invalidations: spent.parts.flat().filter((log) => log.word === word && isInMask(log.mask, nonce)),
  };
}

type InvalidationLog = LogPlace & { readonly word: bigint; readonly mask: bigint };

const schemaOf = <Log>(what: string, readLog: (fields: Fields) => Log | undefined) =>
  z.unknown().transform((answer, context) => {
    const logs = readEntries(answer, readLog);
    if (logs !== undefined) return logs;
    context.addIssue({ code: 'custom', message: `expected logs of ${what}` });
    return z.NEVER;
  });

export const transfersSchema = schemaOf('transfers', readTransfer);
const invalidationsSchema = schemaOf('invalidated nonces', readInvalidation);

function isOfProxy(entry: unknown): boolean {
  if (!isObject(entry)) return false;
  const { address, topics } = entry;
  return (
    typeof address === 'string' &&
    proxies.has(address.toLowerCase()) &&
    Array.isArray(topics) &&
    topics.length === 1 &&
    typeof topics[0] === 'string' &&
    settledTopics.has(topics[0].toLowerCase())
  );
}

function readTransfer(fields: Fields): TransferLog | undefined {
  const topics = topicsOf(fields, transferTopic, transferTopicsCount);
  const place = readPlace(fields);
  const from = addressOfTopic(topics?.[1]);
  const to = addressOfTopic(topics?.[2]);
  const [value] = wordsOf(fields['data'], 1);
  if (place === undefined || from === undefined || to === undefined || value === undefined) return undefined;
  const { address: asset, ...at } = place;
  return { ...at, asset, from, to, value };
}

function readInvalidation(fields: Fields): InvalidationLog | undefined {
  const topics = topicsOf(fields, invalidationTopic, invalidationTopicsCount);
  const place = readPlace(fields);
  const [word, mask] = wordsOf(fields['data'], 2);
  if (topics === undefined || place === undefined || word === undefined || mask === undefined)
    return undefined;
  const { transaction, blockNumber, blockHash, logIndex } = place;
  return { transaction, blockNumber, blockHash, logIndex, word, mask };
}

/** The words of a log's data; none unless there are exactly so many. */
function wordsOf(data: unknown, count: number): bigint[] {
  if (!isText(data, dataPattern) || data.length !== 2 + count * wordDigits) return [];
  const wordAt = (index: number) => data.slice(2 + index * wordDigits, 2 + (index + 1) * wordDigits);
  return Array.from({ length: count }, (_, index) => BigInt(`0x${wordAt(index)}`));
}
