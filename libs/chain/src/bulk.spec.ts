import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Anvil, startAnvil } from '@quittance/embedded';
import fc from 'fast-check';
import { type Address, createTestClient, type Hex, http, publicActions } from 'viem';

import { answerBytesMax, bulkBytes, type BulkAnswer, decodeBulk, encodeBulk, type Question } from './bulk.js';

/** Returns its calldata. */
const echo: Address = '0x00000000000000000000000000000000000000e1';
/** Reverts with its calldata. */
const refuser: Address = '0x00000000000000000000000000000000000000e2';
/** Adds 1 to what it stores and returns that. */
const counter: Address = '0x00000000000000000000000000000000000000e3';
/** Uses up all gas that it gets. */
const burner: Address = '0x00000000000000000000000000000000000000e4';
const nobody: Address = '0x00000000000000000000000000000000000000e5';

let anvil: Anvil;

beforeAll(async () => {
  anvil = await startAnvil();
  const client = clientOf();
  await client.setCode({ address: echo, bytecode: '0x366000600037366000f3' });
  await client.setCode({ address: refuser, bytecode: '0x366000600037366000fd' });
  await client.setCode({ address: counter, bytecode: '0x6000546001018060005560005260206000f3' });
  await client.setCode({ address: burner, bytecode: '0xfe' });
});

afterAll(async () => {
  await anvil.stop();
});

function clientOf() {
  return createTestClient({ mode: 'anvil', transport: http(anvil.rpcUrl) }).extend(publicActions);
}

async function ask(questions: readonly Question[], gasEach?: number): Promise<BulkAnswer | undefined> {
  const { data } = await clientOf().call({ data: encodeBulk(questions, gasEach) });
  return decodeBulk(data ?? '0x', questions);
}

const bytesOf = (maxLength: number) =>
  fc.uint8Array({ maxLength }).map((bytes): Hex => `0x${Buffer.from(bytes).toString('hex')}`);

describe('Questions in bulk', () => {
  it('are answered at one block', async () => {
    const { number, timestamp } = await clientOf().getBlock();
    const answer = await ask([]);
    expect(answer).toEqual({ blockNumber: number, blockTime: timestamp, results: [] });
  });

  it('tell whether there is code', async () => {
    const answer = await ask([echo, nobody, counter].map((to) => ({ kind: 'code', to, data: '0x' })));
    expect(answer?.results.map(({ ok }) => ok)).toEqual([true, false, true]);
  });

  it('are each answered as if it were the only one, in their order', async () => {
    const question = fc.record({
      kind: fc.constantFrom('code' as const, 'read' as const, 'trial' as const),
      to: fc.constantFrom(echo, refuser, nobody),
      data: bytesOf(400),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(question, { maxLength: 20 }), async (questions) => {
        const answer = await ask(questions);
        expect(answer?.results).toEqual(
          questions.map(({ kind, to, data }) => {
            if (kind === 'code') return { ok: to !== nobody, data: '0x' };
            return { ok: to !== refuser, data: to === nobody ? '0x' : cut(data) };
          }),
        );
      }),
      { numRuns: 40 },
    );
  });

  it('do not see what a trial changes, nor does the chain', async () => {
    const trial: Question = { kind: 'trial', to: counter, data: '0x' };
    const one: Hex = `0x${'1'.padStart(64, '0')}`;
    for (let round = 0; round < 2; round += 1) {
      const answer = await ask([trial, trial, trial]);
      expect(answer?.results).toEqual([1, 2, 3].map(() => ({ ok: true, data: one })));
    }
  });

  it('change nothing by being read', async () => {
    expect((await ask([{ kind: 'read', to: counter, data: '0x' }]))?.results).toEqual([
      { ok: false, data: '0x' },
    ]);
  });

  it('leave gas to those after one that uses up its own', async () => {
    const burning = (['read', 'trial'] as const).map((kind): Question => ({ kind, to: burner, data: '0x' }));
    const after: Question = { kind: 'trial', to: echo, data: '0x0102' };
    const answer = await ask([...burning, ...burning, after], 1_000_000);
    expect(answer?.results).toEqual([
      ...[1, 2, 3, 4].map(() => ({ ok: false, data: '0x' })),
      { ok: true, data: '0x0102' },
    ]);
  });

  it('are as long as is reckoned', () => {
    const questions: Question[] = [
      { kind: 'code', to: echo, data: '0x' },
      { kind: 'trial', to: echo, data: '0x010203' },
    ];
    expect(bulkBytes(questions)).toBe((encodeBulk(questions).length - 2) / 2);
  });
});

describe('An answer in bulk', () => {
  const questions: Question[] = [
    { kind: 'code', to: echo, data: '0x' },
    { kind: 'read', to: echo, data: '0x0102' },
  ];
  const good: Hex = `0x${'00'.repeat(16)}01010002abcd`;

  it('is read where it is whole', () => {
    expect(decodeBulk(good, questions)).toEqual({
      blockNumber: 0n,
      blockTime: 0n,
      results: [
        { ok: true, data: '0x' },
        { ok: true, data: '0xabcd' },
      ],
    });
  });

  it('is none where it is cut off, too long, or has what cannot be', () => {
    for (let length = 0; length < good.length; length += 1)
      expect(decodeBulk(good.slice(0, length) as Hex, questions)).toBeUndefined();
    for (const wrong of [`${good}00`, good.replace('0101', '0201'), good.replace('abcd', 'abxy')])
      expect(decodeBulk(wrong as Hex, questions)).toBeUndefined();
  });

  it('is none, and no exception, for any other text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), bytesOf(100)), (text) => void decodeBulk(text as Hex, questions)),
    );
  });
});

function cut(data: Hex): Hex {
  return data.slice(0, 2 + 2 * answerBytesMax) as Hex;
}
