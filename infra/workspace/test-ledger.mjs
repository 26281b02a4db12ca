// npm run test:ledger [-- --sequences N --commands N --histories N --seed S]: the books against the auditor, at length.
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { node, prepare, root, toolEnv } from './prepare.mjs';
import { run } from './step.mjs';

const seedMax = 2 ** 31;
const { values } = parseArgs({
  options: {
    sequences: { type: 'string', default: '10000' },
    commands: { type: 'string', default: '40' },
    histories: { type: 'string', default: '10000' },
    seed: { type: 'string', default: String(randomInt(seedMax)) },
  },
});
for (const [name, value] of Object.entries(values)) {
  if (/^[0-9]{1,10}$/.test(value)) continue;
  process.stdout.write(`--${name} must be a whole number\n`);
  process.exit(2);
}
await prepare();
process.stdout.write(`seed ${values.seed}\n`);
const { code } = await run(
  node(
    join(root, 'node_modules', 'jest', 'bin', 'jest.js'),
    '--runInBand',
    'test/model.spec.ts',
    'src/posting/posting.property.spec.ts',
  ),
  {
    cwd: join(root, 'apps', 'ledger'),
    env: toolEnv({
      NODE_OPTIONS: '--experimental-vm-modules --disable-warning=ExperimentalWarning',
      LEDGER_SEQUENCES: values.sequences,
      LEDGER_COMMANDS: values.commands,
      LEDGER_HISTORIES: values.histories,
      LEDGER_SEED: values.seed,
    }),
  },
);
process.exit(code);
