import type { Comparison } from './compare.js';
import { differences } from './differences.js';

/** From so many payments on, what is explained must also have been met: an entry that is not is out of date. */
const allMetFrom = 10_000;

/** Why a comparison is not as it should be. */
export function problemsOf({ payments, differences: met, faults }: Comparison): string[] {
  const unexplained = met
    .filter(({ explanation }) => explanation === undefined)
    .map(
      ({ theirs, ours, count, example, first }) =>
        `not explained: the reference says ${theirs} and we say ${ours}, ${count} times, first for payment ${first} (${example})`,
    );
  const unmet =
    payments < allMetFrom
      ? []
      : differences
          .filter((difference) => !met.some(({ explanation }) => explanation === difference))
          .map(({ title }) => `explained and not met: ${title}`);
  return [...faults.map((fault) => `no verdict of ours: ${fault}`), ...unexplained, ...unmet];
}

/** The page `docs/differences.md`. */
export function report(comparison: Comparison, { seed }: { readonly seed: number }): string {
  const { payments, scenes, agreed, differences: met } = comparison;
  const agreedCount = sum(agreed.values());
  const lines = [
    '# Where our verdicts differ from the reference facilitator’s',
    '',
    `Written by \`npm run differential -- --payments ${payments} --seed ${seed} --write\`: generated payments, valid ones and`,
    'each kind of broken, judged by our facilitator (`REASON_VOCABULARY=reference`) and by `@x402/core` and `@x402/evm` 2.27',
    'on the same chain state. The command fails when a difference has no reason here, and a smaller run of it is a test.',
    '',
    `Of ${payments} payments ${agreedCount} got the same word from both. "error" is an exception of the reference, which its`,
    'HTTP servers answer as status 500.',
    '',
    '| kind of payment | payments | valid to both | refused alike | differ |',
    '| --- | ---: | ---: | ---: | ---: |',
    ...[...scenes].map(
      ([name, { payments: all, valid, refused }]) =>
        `| ${name} | ${all} | ${valid} | ${refused} | ${all - valid - refused} |`,
    ),
    '',
    '| both say | payments |',
    '| --- | ---: |',
    ...[...agreed].sort(([, a], [, b]) => b - a).map(([word, count]) => `| \`${word}\` | ${count} |`),
    '',
  ];
  for (const difference of differences) {
    const classes = met.filter(({ explanation }) => explanation === difference);
    if (classes.length === 0) continue;
    lines.push(`## ${difference.title}`, '', difference.why, '');
    lines.push('| the reference says | we say | payments | for example |', '| --- | --- | ---: | --- |');
    for (const { theirs, ours, count, example } of classes.sort((a, b) => b.count - a.count))
      lines.push(`| \`${theirs}\` | \`${ours}\` | ${count} | ${example} |`);
    lines.push('');
  }
  return `${lines.join('\n')}`;
}

function sum(counts: Iterable<number>): number {
  return [...counts].reduce((total, count) => total + count, 0);
}
