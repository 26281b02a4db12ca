import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';

import { runFuzz } from './fuzz.js';

/** `npm run fuzz -- --minutes N --seed S [--keep]`: `--keep` writes what is worth sending again to the corpus. */
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed ?? randomInt(2 ** 31));
if (!(minutes > 0) || !Number.isSafeInteger(seed)) {
  process.stderr.write('Usage: npm run fuzz -- [--minutes N] [--seed S] [--keep]\n');
  process.exit(2);
}
process.stdout.write(`seed ${seed}, ${minutes} minutes\n`);
const { corpus, ...report } = await runFuzz({
  seed,
  durationMs: minutes * 60_000,
  log: (line) => process.stdout.write(`${line}\n`),
});
if (values.keep) process.stdout.write(`${corpus.write()} requests kept\n`);
for (const problem of report.problems) process.stdout.write(`PROBLEM ${problem}\n`);
const { requests, kinds, memory, problems } = report;
process.stdout.write(
  `RESULT ${JSON.stringify({ fuzz: { seed, minutes, requests, kinds, problems: problems.length, memory } })}\n`,
);
process.exit(problems.length === 0 ? 0 : 1);
