import { expect, it } from '@jest/globals';

import { replay } from '../src/ledger/replay.js';

const payments = 20_000;
const eventsOfPayment = 3;
const headersOfPayment = 2;

it('20,000 payments told again from the first one add no line and move no balance', async () => {
  const report = await replay(payments, () => undefined);
  expect(report.before).toMatchObject({ payments, headers: headersOfPayment * payments, versions: payments });
  expect(report.after).toEqual(report.before);
  expect(report.fresh).toBe(0);
  expect(report.faults).toEqual({ drift: 0, unbalanced: 0, notOnce: 0 });
  expect(eventsOfPayment * payments).toBeGreaterThan(report.before.headers);
}, 180_000);
