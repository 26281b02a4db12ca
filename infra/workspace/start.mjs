// npm start [-- --once --fresh --data <folder>]: everything on this machine, and two purchases to prove it.
import { join } from 'node:path';

import { node, prepare, root, toolEnv } from './prepare.mjs';
import { run } from './step.mjs';

await prepare();
const main = join(root, 'apps', 'standalone', 'dist', 'main.js');
const { code, signal } = await run(node(main, ...process.argv.slice(2)), { env: toolEnv(), ipc: true });
// It ends in an orderly way on every signal but the ones that come before it can listen.
if (signal !== null) process.stdout.write(`✗ Quittance was ended by ${signal}\n`);
process.exit(code);
