import { parseArgs } from 'node:util';

import { isRight, replay } from './replay.js';

/** `npm run test:ledger-replay -- --payments N`: N payments into the books, then all again from the beginning. */
const { values } = parseArgs({ options: { payments: { type: 'string', default: '1000000' } } });
const payments = Number(values.payments);
if (!Number.isSafeInteger(payments) || payments < 1) {
  process.stderr.write(
    'Usage: npm run test:ledger-replay -- [--payments N], with N a whole number above 0\n',
  );
  process.exit(2);
}
const report = await replay(payments, (line) => process.stdout.write(`${line}\n`));
process.stdout.write(`RESULT ${JSON.stringify(report)}\n`);
process.exit(isRight(report) ? 0 : 1);
