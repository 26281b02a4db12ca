import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';

import { addressSchema, hashSchema, quantitySchema } from './answer.js';
import { authorizationUsedLogsSchema } from './authorization-used.js';

/** What the reading by hand must agree with: the same in zod's words. */
const declared = z
  .array(
    z.object({
      address: addressSchema,
      topics: z.tuple([hashSchema, z.string().regex(/^0x0{24}[0-9a-fA-F]{40}$/), hashSchema]),
      transactionHash: hashSchema,
      blockNumber: quantitySchema,
      blockHash: hashSchema,
      logIndex: quantitySchema,
      removed: z.boolean().nullish(),
    }),
  )
  .transform((logs) =>
    logs
      .filter(({ removed }) => removed !== true)
      .map(({ address, topics, transactionHash, blockNumber, blockHash, logIndex }) => ({
        asset: address,
        authorizer: `0x${topics[1].slice(26).toLowerCase()}`,
        nonce: topics[2],
        transaction: transactionHash,
        blockNumber,
        blockHash,
        logIndex: Number(logIndex),
      })),
  );

const digit = fc.constantFrom(...'0123456789abcdefABCDEF');
const hexDigits = (length: number) =>
  fc.string({ unit: digit, minLength: length, maxLength: length }).map((digits) => `0x${digits}`);
const quantity = fc.string({ unit: digit, minLength: 1, maxLength: 12 }).map((digits) => `0x${digits}`);
const addressTopic = hexDigits(40).map((address) => `0x${'0'.repeat(24)}${address.slice(2)}`);
const topics = fc.tuple(hexDigits(64), addressTopic, hexDigits(64));
const log = fc
  .record({
    address: hexDigits(40),
    topics,
    transactionHash: hexDigits(64),
    blockNumber: quantity,
    blockHash: hexDigits(64),
    logIndex: quantity,
    data: fc.constant('0x'),
  })
  .chain((fields) =>
    fc
      .constantFrom<object[]>({}, { removed: false }, { removed: true }, { removed: null })
      .map((removed): Record<string, unknown> => ({ ...fields, ...removed })),
  );
const nonsense = fc.oneof(
  fc.constantFrom<unknown>('0x', '', '0xg', null, undefined, 7, true, [], {}, [[]]),
  hexDigits(1),
  hexDigits(39),
  hexDigits(41),
  hexDigits(63),
  hexDigits(64),
  hexDigits(65),
  topics.map((list) => list.slice(1)),
  topics.map((list) => [...list, ...list]),
  topics.map(([event, , nonce]) => [event, nonce, nonce]),
);
const spoilt = fc
  .record({
    fields: log,
    name: fc.constantFrom(
      'address',
      'topics',
      'transactionHash',
      'blockNumber',
      'blockHash',
      'logIndex',
      'removed',
    ),
    value: nonsense,
  })
  .map(({ fields, name, value }): unknown => ({ ...fields, [name]: value }));

function agree(answer: unknown): boolean {
  const expected = declared.safeParse(answer);
  const actual = authorizationUsedLogsSchema.safeParse(answer);
  expect(actual.success).toBe(expected.success);
  expect(actual.data).toEqual(expected.data);
  return expected.success;
}

describe('Reading logs of AuthorizationUsed', () => {
  it('gives what their declaration gives', () => {
    fc.assert(fc.property(fc.array(log, { maxLength: 6 }), (logs) => expect(agree(logs)).toBe(true)));
  });

  it('refuses what their declaration refuses, in any field', () => {
    fc.assert(
      fc.property(
        fc.array(log, { maxLength: 3 }),
        spoilt,
        fc.array(log, { maxLength: 3 }),
        (some, one, more) => {
          agree([...some, one, ...more]);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('refuses what is no list of logs', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => void agree(value)));
    fc.assert(fc.property(nonsense, (value) => void agree([value])));
  });
});
