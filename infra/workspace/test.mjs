// npm test [-- project … [jest options]]: the last line is `N passed, N failed, N skipped`.
import { prepare } from './prepare.mjs';
import { runTests, totalsLine } from './run-tests.mjs';

await prepare();
const { code, ...totals } = await runTests(process.argv.slice(2));
process.stdout.write(`${totalsLine(totals)}\n`);
process.exitCode = code;
