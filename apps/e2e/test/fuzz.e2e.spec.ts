import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { readCorpus, requestOf } from '../src/fuzz/corpus.js';
import { problemWith } from '../src/fuzz/judge.js';
import { riseOf } from '../src/fuzz/memory.js';
import { Sender } from '../src/fuzz/request.js';
import { type Stack, startStack } from '../src/stack.js';
import { postgresTransport } from '../src/transport.js';

/** Requests that fuzzing found to lead to an answer of a kind of its own, sent again. */
const settleWaitMs = 300;
const corpus = readCorpus();
let stack: Stack;
let sender: Sender;

beforeAll(async () => {
  stack = await startStack({ transport: postgresTransport, settleWaitMs });
  sender = new Sender({ facilitator: stack.facilitators[0]?.url ?? '', ledger: stack.ledger.url });
});

afterAll(async () => {
  sender?.close();
  await stack?.stop();
});

describe('what fuzzing found', () => {
  it('is there', () => {
    expect(corpus.length).toBeGreaterThan(50);
  });

  it.each(corpus.map(({ name, fixture }) => [name, fixture.origin, fixture] as const))(
    'is answered as it should be: %s (%s)',
    async (_name, _origin, fixture) => {
      const request = requestOf(fixture);
      const answer = await sender.send(request);
      expect(problemWith(request, answer)).toBeUndefined();
      if (fixture.status !== null) expect(answer).toMatchObject({ status: fixture.status });
    },
  );

  it('leaves every service running', () => {
    expect(stack.services.map(({ crashes }) => crashes)).toEqual(stack.services.map(() => 0));
  });
});

describe('growth', () => {
  it('is the rise of the line through the points', () => {
    expect(riseOf([1, 2, 3, 4, 5].map((x) => [x * 1_000, 100 + 2 * x]))).toBeCloseTo(8);
    expect(riseOf([7, 3, 7, 3, 7].map((y, x) => [x, y]))).toBeCloseTo(0);
    expect(riseOf([[0, 5]])).toBe(0);
  });
});
