import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What others made to check the formats; `npm run checkers` installs it. */
const folder = fileURLToPath(new URL('../../../.checkers/', import.meta.url));
const beanCheck = join(folder, 'bin', 'bean-check');
const python = join(folder, 'bin', 'python');
const schema = join(folder, 'camt.053.001.08.xsd');

export type Verdict = { readonly checker: string; readonly ran: boolean; readonly complaints: string };

/** Where a checker is not installed it says so, loudly: CI takes that for a failure. */
function verdict(
  checker: string,
  isThere: boolean,
  run: () => { status: number | null; output: string },
): Verdict {
  if (!isThere) {
    process.stdout.write(`No ${checker} here: npm run checkers installs it\n`);
    return { checker, ran: false, complaints: '' };
  }
  const { status, output } = run();
  return {
    checker,
    ran: true,
    complaints: status === 0 ? '' : output.slice(0, 4_000) || `exit code ${status}`,
  };
}

function withFile<T>(text: string, name: string, use: (path: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), 'export-'));
  try {
    const path = join(directory, name);
    writeFileSync(path, text);
    return use(path);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function ran(command: string, args: readonly string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 2 ** 26 });
  return { status, output: `${stdout}${stderr}` };
}

export const beanCheckOf = (text: string): Verdict =>
  verdict('bean-check', existsSync(beanCheck), () =>
    withFile(text, 'books.beancount', (path) => ran(beanCheck, ['--no-cache', path])),
  );

export const hledgerCheckOf = (text: string): Verdict =>
  verdict('hledger', spawnSync('hledger', ['--version']).status === 0, () =>
    withFile(text, 'books.journal', (path) => ran('hledger', ['-f', path, 'check', '--strict'])),
  );

export const camtSchemaCheckOf = (text: string): Verdict =>
  verdict('camt.053 schema', existsSync(schema), () =>
    withFile(text, 'statement.xml', (path) =>
      ran(python, [
        '-c',
        'import sys, xmlschema; xmlschema.validate(sys.argv[1], sys.argv[2])',
        path,
        schema,
      ]),
    ),
  );
