import { parseArgs } from 'node:util';

import { chosen, positive, positiveInteger, profiles } from '../option.js';

export const roundNames = ['single', 'automine', 'blocks', 'fill', 'offered', 'rpc'] as const;
export type RoundName = (typeof roundNames)[number];
export const transportNames = ['embedded', 'kafka'] as const;
export type TransportName = (typeof transportNames)[number];

/** What of the benchmark to run; everything, unless told otherwise. */
export type Plan = {
  readonly rounds: ReadonlySet<RoundName>;
  readonly transports: ReadonlySet<TransportName>;
  /** Without the reference there are no ratios: while working on ours. */
  readonly withReference: boolean;
  /** How often each side has its turn where blocks are mined at once; figures are the medians. */
  readonly turns: number;
  /** Payments a second that the first step of ours offers; left out: derived from what the reference held. */
  readonly oursFrom?: number;
  /** Where the services leave CPU profiles. Profiling slows them down. */
  readonly profileFolder?: string;
};

/**
 * Reads `--only single,blocks --transport embedded --ours --turns 3 --from 200 --profile folder`; BENCH_ONLY and BENCH_TRANSPORT
 * do the same as the first two.
 */
export function planOf(args: string[], env: NodeJS.ProcessEnv): Plan {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string', default: env['BENCH_ONLY'] ?? roundNames.join(',') },
      transport: { type: 'string', default: env['BENCH_TRANSPORT'] ?? transportNames.join(',') },
      ours: { type: 'boolean', default: false },
      turns: { type: 'string', default: '3' },
      from: { type: 'string' },
      profile: { type: 'string' },
    },
  });
  return {
    rounds: chosen('--only', values.only, roundNames),
    transports: chosen('--transport', values.transport, transportNames),
    withReference: !values.ours,
    turns: positiveInteger('--turns', values.turns),
    ...(values.from === undefined ? {} : { oursFrom: positive('--from', values.from) }),
    ...profiles(values.profile),
  };
}
