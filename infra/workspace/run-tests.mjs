import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { nx, toolEnv } from './prepare.mjs';
import { run } from './step.mjs';

/** Runs the tests of all projects, or of the named ones, and adds up what the reporter of each left. */
export async function runTests(args) {
  const folder = mkdtempSync(join(tmpdir(), 'quittance-totals-'));
  try {
    const firstOption = args.findIndex((arg) => arg.startsWith('-'));
    const projects = firstOption === -1 ? args : args.slice(0, firstOption);
    const forJest = firstOption === -1 ? [] : args.slice(firstOption);
    const selection = projects.length === 0 ? [] : [`--projects=${projects.join(',')}`];
    const { code } = await run(
      nx('run-many', '-t', 'test', '--parallel=1', '--output-style=stream', ...selection, ...forJest),
      { env: toolEnv({ TEST_TOTALS_DIR: folder }) },
    );
    return settleTotals(addUp(folder), code);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The line a reader and a machine look for. */
export function totalsLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

// A run that failed without a failed test (a build error, a crash) must not read like a clean one.
export function settleTotals(totals, code) {
  if (code === 0) return { ...totals, code: totals.failed === 0 ? 0 : 1 };
  if (totals.failed === 0) {
    process.stdout.write(
      'A project did not get as far as its tests, or not to their end: counted as one failure.\n',
    );
  }
  return { ...totals, failed: Math.max(totals.failed, 1), code };
}

function addUp(folder) {
  const totals = { passed: 0, failed: 0, skipped: 0 };
  for (const file of readdirSync(folder)) {
    const project = JSON.parse(readFileSync(join(folder, file), 'utf8'));
    for (const key of Object.keys(totals)) totals[key] += project[key];
  }
  return totals;
}
