import { parseArgs } from 'node:util';

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
    rounds: chosen(values.only),
    withReference: !values.ours,
    turns: positive('--turns', values.turns),
    turnMs: positive('--seconds', values.seconds) * 1000,
    ...(values.profile === undefined ? {} : { profileFolder: values.profile }),
  };
}

function chosen(text: string): Set<RoundName> {
  const wanted = text.split(',').map((name) => name.trim());
  const known = roundNames.filter((name) => wanted.includes(name));
  if (known.length !== wanted.length)
    throw new TypeError(`--only takes a list of ${roundNames.join(', ')}, and not ${text}`);
  return new Set(known);
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new TypeError(`${option} takes a number above 0, and not ${text}`);
  return value;
}
