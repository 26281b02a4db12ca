import { authorizationUsedTopic } from '@quittance/exact-evm';
import { type Address, type Hex, toEventSelector } from 'viem';
import { z } from 'zod';

import {
  addressOfTopic,
  type Fields,
  hashPattern,
  isText,
  lowerCase,
  type LogPlace,
  readEntries,
  readPlace,
  topicsOf,
} from './log-fields.js';

/** First topic of the log that a token writes when a payer cancels an authorization. EIP-3009 leaves it optional. */
export const authorizationCancelledTopic: Hex = toEventSelector('AuthorizationCanceled(address,bytes32)');

export type AuthorizationUsedLog = LogPlace & {
  /** Who keeps the nonce: the token. Of what Permit2 moved, Permit2. */
  readonly asset: Address;
  readonly authorizer: Address;
  readonly nonce: Hex;
};

const topicsCount = 3;

/** Logs of `AuthorizationUsed`; those that a node took back in a reorganisation are left out. */
export const authorizationUsedLogsSchema = z.unknown().transform((answer, context) => {
  const logs = readEntries(answer, readLog);
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

/** Of a transaction's logs, those of `AuthorizationUsed`; undefined where they are no logs. */
export function authorizationUsedAmong(answer: unknown): AuthorizationUsedLog[] | undefined {
  return readLogsOf(authorizationUsedTopic, answer);
}

/** As {@link authorizationUsedAmong}. */
export const authorizationUsedAmongSchema = z.unknown().transform((answer, context) => {
  const logs = authorizationUsedAmong(answer);
  if (logs !== undefined) return logs;
  context.addIssue({ code: 'custom', message: 'expected logs' });
  return z.NEVER;
});

/** Other events may come with them, also ones of the same name whose topics are others. */
function readLogsOf(topic: Hex, answer: unknown): AuthorizationUsedLog[] | undefined {
  if (!Array.isArray(answer)) return undefined;
  const ofIt = answer.filter((entry) => topicsOf(entry, topic, topicsCount) !== undefined);
  return readEntries(ofIt, readLog);
}

function readLog(fields: Fields): AuthorizationUsedLog | undefined {
  const read = readTopics(fields['topics']);
  const place = readPlace(fields);
  if (read === undefined || place === undefined) return undefined;
  const { address: asset, ...at } = place;
  return { asset, ...read, ...at };
}

function readTopics(topics: unknown): Pick<AuthorizationUsedLog, 'authorizer' | 'nonce'> | undefined {
  if (!Array.isArray(topics) || topics.length !== topicsCount) return undefined;
  const [event, topic, nonce] = topics as unknown[];
  const authorizer = addressOfTopic(topic);
  if (!isText(event, hashPattern) || !isText(nonce, hashPattern) || authorizer === undefined)
    return undefined;
  return { authorizer, nonce: lowerCase(nonce) };
}
