import { expect, it } from '@jest/globals';

import { isRight, replay } from '../src/ledger/replay.js';

const payments = 20_000;
const headersOfPayment = 2;

it('20,000 payments told again from the first one add no line and move no balance', async () => {
  const report = await replay(payments, () => undefined);
  expect(report.before).toMatchObject({ payments, headers: headersOfPayment * payments, versions: payments });
  expect(report.after).toEqual(report.before);
  expect(report.fresh).toBe(0);
  expect(report.faults).toEqual({ drift: 0, unbalanced: 0, notOnce: 0 });
  expect(isRight(report)).toBe(true);
  expect(isRight({ ...report, told: report.told - 1 })).toBe(false);
  expect(isRight({ ...report, after: { ...report.after, lines: report.after.lines + 2 } })).toBe(false);
  expect(isRight({ ...report, faults: { ...report.faults, drift: 1 } })).toBe(false);
}, 180_000);
