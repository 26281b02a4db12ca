// npm run differential [-- --payments N --seed S --write]: payments judged by us and by the reference facilitator.
import { join } from 'node:path';

import { node, prepare, prettier, root, toolEnv } from './prepare.mjs';
import { run } from './step.mjs';

const args = process.argv.slice(2);
await prepare();
const script = join(root, 'apps', 'e2e', 'dist', 'differential', 'main.js');
const { code } = await run(node(script, ...args), { env: toolEnv() });
if (args.includes('--write')) {
  const page = join(root, 'docs', 'differences.md');
  await run(prettier('--log-level', 'warn', '--write', page), { env: toolEnv() });
}
process.exit(code);
