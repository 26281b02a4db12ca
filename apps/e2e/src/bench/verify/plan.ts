import { parseArgs } from 'node:util';

import { chosen, positive, positiveInteger, profiles } from '../option.js';

export const roundNames = ['c16', 'c64', 'delayed', 'rpc', 'flood'] as const;
export type RoundName = (typeof roundNames)[number];

/** What of the benchmark to run; everything, unless told otherwise. */
export type Plan = {
  readonly rounds: ReadonlySet<RoundName>;
  /** Without the reference there are no ratios: while working on ours. */
  readonly withReference: boolean;
  /** How often each side has its turn in each round; figures are the medians. */
  readonly turns: number;
  /** How long one turn measures. */
  readonly turnMs: number;
  /** Where our facilitator leaves CPU profiles. Profiling slows it down. */
  readonly profileFolder?: string;
};

/** Reads `--only c16,c64 --ours --turns 3 --seconds 4 --profile folder`; BENCH_ONLY does the same as the first. */
export function planOf(args: string[], env: NodeJS.ProcessEnv): Plan {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string', default: env['BENCH_ONLY'] ?? roundNames.join(',') },
      ours: { type: 'boolean', default: false },
      turns: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '4' },
      profile: { type: 'string' },
    },
  });
  return {
    rounds: chosen('--only', values.only, roundNames),
    withReference: !values.ours,
    turns: positiveInteger('--turns', values.turns),
    turnMs: positive('--seconds', values.seconds) * 1000,
    ...profiles(values.profile),
  };
}
