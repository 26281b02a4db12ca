import { isDeepStrictEqual } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { trialBalance } from '../src/books.js';
import { expectedOf, findingOf } from '../src/matrix/findings.js';
import { type Cell, cells, pairsFor, type PayerKind } from '../src/matrix/plan.js';
import { readRecorded, recordOf, writeRecorded } from '../src/matrix/record.js';
import { type Attempt, runMatrix } from '../src/matrix/run.js';
import { type FacilitatorName, startUnderTest, type UnderTest } from '../src/matrix/under-test.js';
import { Payer } from '../src/payer.js';
import type { Stack } from '../src/stack.js';

/**
 * Unmodified clients buy from unmodified servers in every combination that exists; README's table is what passed here.
 * `UPDATE=1` records it in docs/compatibility.json, `FACILITATOR=reference` runs the same against the published
 * facilitator, which shows that clients, servers and contracts are put together right.
 */
const facilitator: FacilitatorName = process.env['FACILITATOR'] === 'reference' ? 'reference' : 'ours';
const isOurs = facilitator === 'ours';
const payTo = new Payer().account.address;

let underTest: UnderTest;
let attempts: readonly Attempt[];
const bought = new Map<string, readonly string[]>();

beforeAll(async () => {
  underTest = await startUnderTest(facilitator);
  attempts = await runMatrix(underTest, payTo);
});
afterAll(async () => underTest?.stop());

const keyOf = (methodId: string, payer: PayerKind): string => `${methodId} by ${payer}`;

describe(`with ${isOurs ? 'our' : 'the reference'} facilitator`, () => {
  it.each(cells.map((cell): [string, Cell] => [cellName(cell), cell]))('%s', async (_, { method, payer }) => {
    const mine = attempts.filter((one) => one.method.id === method.id && one.payer === payer);
    const findings = await Promise.all(mine.map(async (attempt) => findingOf(attempt, underTest)));
    const expected = mine.map((attempt) => expectedOf(attempt, payTo, isOurs));

    const worked = findings.filter((finding, index) => isDeepStrictEqual(finding, expected[index]));
    bought.set(keyOf(method.id, payer), worked.map(({ pair }) => pair).sort());
    expect(findings).toEqual(expected);
  });

  if (isOurs) {
    it('leaves books that balance', async () => {
      expect(await trialBalance(underTest.stack as Stack)).toMatchObject({
        balanced: true,
        balancesMatchEntries: true,
      });
    });
  }

  it('bears out docs/compatibility.json, which README shows', () => {
    const recorded = recordOf((methodId, payer) => bought.get(keyOf(methodId, payer)) ?? []);
    if (isOurs && process.env['UPDATE'] === '1' && isComplete()) writeRecorded(recorded);
    expect(recorded).toEqual(readRecorded());
  });
});

/** A run with failures is not worth recording: the plan says what has to work. */
function isComplete(): boolean {
  return cells.every(
    ({ method, payer }) => bought.get(keyOf(method.id, payer))?.length === pairsFor(method, payer).length,
  );
}

function cellName({ method, payer }: Cell): string {
  return `${method.protocol}: ${method.title.replaceAll('`', '')}, by ${payer}`;
}
