// npm run test:ledger-replay [-- --payments N]: payments into the books, then all of them again from the first event.
import { join } from 'node:path';

import { node, prepare, root, toolEnv } from './prepare.mjs';
import { run } from './step.mjs';

await prepare();
const script = join(root, 'apps', 'e2e', 'dist', 'ledger', 'main.js');
const { code } = await run(node(script, ...process.argv.slice(2)), { env: toolEnv() });
process.exit(code);
