// npm run check [-- --without-tests | --prepare]: what a change has to pass, without the tests, or only what all that needs.
import { join } from 'node:path';

import { node, nx, prepare, prettier, root, toolEnv } from './prepare.mjs';
import { runTests, totalsLine } from './run-tests.mjs';
import { step } from './step.mjs';

const env = toolEnv();
await prepare();
if (process.argv.includes('--prepare')) process.exit(0);
await step('format', prettier('--check', '.'), { env });
await step('lint and typecheck', nx('run-many', '-t', 'lint', 'typecheck'), { env });
await step('generated files', node(join(root, 'infra', 'workspace', 'generate.mjs'), '--check'), { env });
if (!process.argv.includes('--without-tests')) {
  const { code, ...totals } = await runTests([]);
  process.stdout.write(`${totalsLine(totals)}\n`);
  process.exitCode = code;
}
