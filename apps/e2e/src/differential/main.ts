import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { compare } from './compare.js';
import { generated } from './generate.js';
import { startGround } from './ground.js';
import { acts } from './kinds/index.js';
import { problemsOf, report } from './report.js';

/** `npm run differential -- --payments N --seed S`: both facilitators judge the same payments on the same chain. */
const { values } = parseArgs({
  options: {
    payments: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '402' },
    write: { type: 'boolean', default: false },
  },
});
const count = Number(values.payments);
const seed = Number(values.seed);
if (!(count > 0) || !Number.isSafeInteger(count) || !Number.isSafeInteger(seed)) {
  process.stderr.write('Usage: npm run differential -- [--payments N] [--seed S] [--write]\n');
  process.exit(2);
}
const progressEvery = 1_000;
const ground = await startGround();
try {
  let told = 0;
  const comparison = await compare(generated(ground.cast, { seed, count, acts }), ground.judges, (done) => {
    if (done - told < progressEvery) return;
    told = done;
    process.stdout.write(`  ${done} of ${count}\n`);
  });
  for (const { theirs, ours, count: times, example, first, explanation } of comparison.differences)
    process.stdout.write(
      `  ${explanation === undefined ? 'UNEXPLAINED ' : ''}${theirs} → ${ours}: ${times}, first ${first}: ${example}\n`,
    );
  if (values.write) {
    const page = new URL('../../../../docs/differences.md', import.meta.url);
    writeFileSync(page, report(comparison, { seed }));
  }
  const problems = problemsOf(comparison);
  for (const problem of problems) process.stdout.write(`${problem}\n`);
  const agreed = [...comparison.agreed.values()].reduce((sum, times) => sum + times, 0);
  process.stdout.write(
    `RESULT ${JSON.stringify({ differential: { seed, payments: count, agreed, classes: comparison.differences.length, problems: problems.length } })}\n`,
  );
  process.exitCode = problems.length === 0 ? 0 : 1;
} finally {
  await ground.stop();
}
process.exit();
