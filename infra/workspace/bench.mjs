// npm run bench [-- <name> [options]]: one measurement; without a name, which there are.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { node, prepare, root, toolEnv } from './prepare.mjs';
import { run } from './step.mjs';

const source = join(root, 'apps', 'e2e', 'src', 'bench');
const names = existsSync(source)
  ? readdirSync(source)
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'))
      .map((file) => file.slice(0, -'.ts'.length))
      .sort()
  : [];
const [name, ...args] = process.argv.slice(2);
if (name === undefined || !names.includes(name)) {
  if (name !== undefined) process.stdout.write(`There is no benchmark "${name}".\n`);
  process.stdout.write(`Benchmarks: ${names.join(', ')}\nRun one: npm run bench -- <name>\n`);
  process.exit(name === undefined ? 0 : 2);
}
await prepare();
const script = join(root, 'apps', 'e2e', 'dist', 'bench', `${name}.js`);
const { code } = await run(node(script, ...args), { env: toolEnv() });
process.exit(code);
