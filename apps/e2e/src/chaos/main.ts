import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';

import { runChaos } from './chaos.js';

/** `npm run test:chaos -- --minutes N --seed S`: mishaps for so long, another seed each time unless one is given. */
const { values } = parseArgs({ options: { minutes: { type: 'string' }, seed: { type: 'string' } } });
const minutes = Number(values.minutes ?? '10');
const seed = Number(values.seed ?? randomInt(2 ** 31));
if (!(minutes > 0) || !Number.isSafeInteger(seed)) {
  process.stderr.write(
    'Usage: npm run test:chaos -- [--minutes N] [--seed S], with N above 0 and S a whole number\n',
  );
  process.exit(2);
}
const roundsMax = 1_000;
const killsPerRound = 80;
process.stdout.write(`seed ${seed}, ${minutes} minutes\n`);
const report = await runChaos({
  seed,
  rounds: roundsMax,
  killsPerRound,
  deadlineMs: minutes * 60_000,
  log: (line) => process.stdout.write(`${line}\n`),
});
process.stdout.write(`RESULT ${JSON.stringify(report)}\n`);
const { lost, chargedTwice, stuck, hashesMissing, problems } = report;
process.exit(lost + chargedTwice + stuck + hashesMissing + problems.length === 0 ? 0 : 1);
