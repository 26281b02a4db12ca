import { setTimeout as sleep } from 'node:timers/promises';

import { crashPoints } from './crash-points.js';
import { startGround } from './ground.js';
import { Load } from './load.js';
import { commit, newTally } from './mishaps.js';
import { chaosPlan, type Mishap } from './plan.js';
import { gasMoney, healed, judge, type Verdict } from './verdict.js';

export type ChaosOptions = {
  readonly seed: number;
  /** Rounds of every mishap; more are begun only before `deadlineMs`. */
  readonly rounds: number;
  /** `SIGKILL`s at no particular moment, in each round. */
  readonly killsPerRound: number;
  /** No further mishap after this many milliseconds. */
  readonly deadlineMs: number;
  readonly log: (line: string) => void;
};

export type ChaosReport = Verdict & {
  readonly seed: number;
  readonly minutes: number;
  readonly kills: number;
  readonly payments: number;
  readonly refused: number;
  readonly crashPointsHit: readonly string[];
  readonly crashPointsMissed: readonly string[];
  readonly mishaps: Readonly<Record<string, number>>;
  readonly healMs: number;
  readonly stuck: number;
};

const sellersAtOnce = 16;
const settlements = 2;
const breathMs = 400;

/**
 * Lets payments go through an installation while everything goes wrong that can, then lets it heal, and compares what
 * chain, registry, ledger and callers say.
 */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { seed, rounds, killsPerRound, deadlineMs, log } = options;
  const from = performance.now();
  const ground = await startGround(seed);
  const tally = newTally();
  try {
    const gasMoneyBefore = await gasMoney(ground);
    const { chain, payers, random, stack } = ground;
    const facilitatorUrls = stack.facilitators.map(({ url }) => url);
    const load = new Load({ chain, facilitatorUrls, payers, atOnce: sellersAtOnce, random });
    for (const mishap of chaosPlan({
      seed,
      crashPoints: crashPoints(),
      rounds,
      settlements,
      killsPerRound,
    })) {
      if (performance.now() - from > deadlineMs) break;
      const begun = performance.now();
      await commit(mishap, ground, { load, tally });
      log(
        `${describe(mishap)} (${Math.round(performance.now() - begun)} ms), ${load.endings.length} payments so far`,
      );
      await sleep(breathMs);
    }
    await load.finish();
    const { healMs, stuck } = await healed(ground);
    const verdict = await judge(ground, load, gasMoneyBefore);
    return {
      seed,
      minutes: Math.round((performance.now() - from) / 6_000) / 10,
      kills: tally.kills,
      payments: load.endings.length,
      refused: load.endings.filter(({ success }) => !success).length,
      crashPointsHit: [...tally.crashPointsHit].sort(),
      crashPointsMissed: [...tally.crashPointsMissed].sort(),
      mishaps: Object.fromEntries(tally.done),
      healMs,
      stuck,
      ...verdict,
    };
  } finally {
    await ground.stop();
  }
}

function describe(mishap: Mishap): string {
  const { kind, ...details } = mishap;
  return `${kind} ${Object.values(details).join(' ')}`.trim();
}
