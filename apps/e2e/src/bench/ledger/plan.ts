import { parseArgs } from 'node:util';

import { chosen, positiveInteger, profiles } from '../option.js';

/**
 * `posting` is p1, p4 and single in turns; `spread` has each event of a payment in a batch of its own; `reads` asks books of
 * their own that are filled first.
 */
export const roundNames = ['posting', 'spread', 'reads'] as const;
export type RoundName = (typeof roundNames)[number];

/** What of the benchmark to run; everything, unless told otherwise. */
export type Plan = {
  readonly rounds: ReadonlySet<RoundName>;
  /** How often each way of posting has its turn; figures are the medians. */
  readonly turns: number;
  /** Payments that each writer posts in a turn. */
  readonly payments: number;
  /** Payments in one transaction. */
  readonly batch: number;
  /** Lines in the books that are read, and how often each question is asked. */
  readonly entries: number;
  readonly questions: number;
  /** Where writers leave CPU profiles. Profiling slows them down. */
  readonly profileFolder?: string;
};

/** Reads `--only posting,spread --turns 3 --payments 20000 --batch 1000 --profile folder`; BENCH_ONLY is as the first. */
export function planOf(args: string[], env: NodeJS.ProcessEnv): Plan {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string', default: env['BENCH_ONLY'] ?? roundNames.join(',') },
      turns: { type: 'string', default: '3' },
      payments: { type: 'string', default: '20000' },
      batch: { type: 'string', default: '1000' },
      entries: { type: 'string', default: '10000000' },
      questions: { type: 'string', default: '300' },
      profile: { type: 'string' },
    },
  });
  return {
    rounds: chosen('--only', values.only, roundNames),
    turns: positiveInteger('--turns', values.turns),
    payments: positiveInteger('--payments', values.payments),
    batch: positiveInteger('--batch', values.batch),
    entries: positiveInteger('--entries', values.entries),
    questions: positiveInteger('--questions', values.questions),
    ...profiles(values.profile),
  };
}
