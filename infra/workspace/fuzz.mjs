// npm run fuzz [-- --minutes N --seed S --keep]: what nobody would send, to the running facilitator and ledger.
import { join } from 'node:path';

import { node, prepare, root, toolEnv } from './prepare.mjs';
import { run } from './step.mjs';

await prepare();
const script = join(root, 'apps', 'e2e', 'dist', 'fuzz', 'main.js');
const { code } = await run(node(script, ...process.argv.slice(2)), { env: toolEnv() });
process.exit(code);
