// npm run test:chaos [-- --minutes N --seed S]: payments while everything goes wrong, with another seed each time.
import { join } from 'node:path';

import { node, prepare, root, toolEnv } from './prepare.mjs';
import { run } from './step.mjs';

await prepare();
const script = join(root, 'apps', 'e2e', 'dist', 'chaos', 'main.js');
const { code } = await run(node(script, ...process.argv.slice(2)), { env: toolEnv() });
process.exit(code);
