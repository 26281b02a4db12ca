import { setTimeout as sleep } from 'node:timers/promises';

import { type Figures, quantile } from '../../figures.js';
import { startRpcCounter } from '../settle/rpc-counter.js';
import { type DelayingProxy, startDelayingProxy } from './delaying-proxy.js';
import { type Ground, ourSide, type Side, theirSide } from './ground.js';
import type { Plan } from './plan.js';
import { inTurns, median, type Round, signedTurn, signFor, type Turn, turn, warmUp } from './rounds.js';

export const rpcDelayMs = 30;
const othersConnections = 16;
const floodConnections = 64;
const floodPaymentsPerS = 4_000;
/** How much longer the flood lasts than what is measured, at either end. */
const floodLeadMs = 300;

type Measured = Record<string, number>;

/** All rounds on one chain and one database. */
export async function measure(ground: Ground, plan: Plan): Promise<Figures> {
  const figures: Measured = {};
  const { rounds } = plan;
  if (rounds.has('c16') || rounds.has('c64') || rounds.has('flood')) {
    const sides = await startedSides(ground, plan);
    try {
      for (const connections of [16, 64] as const) {
        if (!rounds.has(`c${connections}`)) continue;
        const round: Round = { name: `c${connections}`, connections, durationMs: plan.turnMs };
        const turns = await inTurns(ground, sides, { round, turns: plan.turns });
        Object.assign(figures, compared(round.name, turns));
      }
      const [ours] = sides;
      if (rounds.has('flood') && ours !== undefined) Object.assign(figures, await flood(ground, ours, plan));
    } finally {
      await stopped(sides);
    }
  }
  if (rounds.has('delayed')) Object.assign(figures, await delayed(ground, plan));
  if (rounds.has('rpc')) Object.assign(figures, await rpc(ground, plan));
  if (figures['c64_cpu_ratio'] !== undefined) figures['cpu_ratio'] = figures['c64_cpu_ratio'];
  if (figures['c64_p99_ratio'] !== undefined) figures['p99_ratio'] = figures['c64_p99_ratio'];
  return present(figures);
}

async function startedSides(ground: Ground, plan: Plan, rpcUrl?: string): Promise<readonly Side[]> {
  const { profileFolder } = plan;
  const sides = [
    await ourSide(ground, {
      ...(profileFolder === undefined ? {} : { profileFolder }),
      ...(rpcUrl === undefined ? {} : { rpcUrl }),
    }),
    ...(plan.withReference ? [await theirSide(ground, rpcUrl)] : []),
  ];
  for (const side of sides) {
    await side.start();
    await warmUp(ground, side);
  }
  return sides;
}

async function stopped(sides: readonly Side[]): Promise<void> {
  for (const side of sides) await side.stop();
}

/** Rates, tails and CPU of a round, and ours over theirs: the median of the ratios of turns next to each other. */
function compared(name: string, turns: ReadonlyMap<Side['name'], readonly Turn[]>): Measured {
  const ours = turns.get('ours') ?? [];
  const theirs = turns.get('reference');
  const our = prefixed(`${name}_`, figuresOfTurns(ours));
  if (theirs === undefined) return our;
  const ratio = (figure: (turn: Turn) => number): number =>
    median(ours.map((turn, index) => figure(turn) / figure(theirs[index] ?? turn)));
  return {
    ...our,
    ...prefixed(`reference_${name}_`, figuresOfTurns(theirs)),
    [`${name}_ratio`]: ratio(({ perS }) => perS),
    [`${name}_cpu_ratio`]: ratio(({ cpu }) => cpu['facilitator'] ?? Number.NaN),
    [`${name}_p99_ratio`]: ratio(p99Ms),
  };
}

const p99Ms = ({ latenciesMs }: Turn): number => quantile(latenciesMs, 0.99);

function figuresOfTurns(turns: readonly Turn[]) {
  const all = turns.flatMap(({ latenciesMs }) => latenciesMs);
  const cpuMs = (part: string): number => 1000 * median(turns.map(({ cpu }) => cpu[part] ?? Number.NaN));
  return {
    per_s: median(turns.map(({ perS }) => perS)),
    p50_ms: quantile(all, 0.5),
    p95_ms: quantile(all, 0.95),
    // Of each turn, or one stall of the machine would be all that is left of them.
    p99_ms: median(turns.map(p99Ms)),
    cpu_ms: cpuMs('facilitator'),
    postgres_cpu_ms: cpuMs('postgres'),
    anvil_cpu_ms: cpuMs('anvil'),
    not_valid: turns.reduce((sum, { problems }) => sum + problems, 0),
  };
}

/** As if the node were far away. */
async function delayed(ground: Ground, plan: Plan): Promise<Measured> {
  const proxies: DelayingProxy[] = [await startDelayingProxy(ground.chain.rpcUrl, rpcDelayMs)];
  const sides = await startedSides(ground, plan, proxies[0]?.url);
  try {
    const round: Round = { name: 'delayed', connections: 64, durationMs: plan.turnMs };
    return compared('delayed', await inTurns(ground, sides, { round, turns: plan.turns }));
  } finally {
    await stopped(sides);
    for (const proxy of proxies) proxy.stop();
  }
}

/** What is asked of the node per verification. Counting costs time: nothing else is measured here. */
async function rpc(ground: Ground, plan: Plan): Promise<Measured> {
  const counter = await startRpcCounter(ground.chain.rpcUrl);
  const sides = await startedSides(ground, plan, counter.url);
  const figures: Measured = {};
  try {
    for (const side of sides) {
      const prefix = side.name === 'ours' ? '' : 'reference_';
      for (const connections of [16, 64]) {
        const [calls, requests] = [counter.calls(), counter.requests()];
        const round: Round = { name: `rpc c${connections}`, connections, durationMs: plan.turnMs };
        const { verified } = await turn(ground, side, round);
        figures[`${prefix}rpc_per_verify_c${connections}`] = (counter.calls() - calls) / verified;
        figures[`${prefix}rpc_requests_per_verify_c${connections}`] =
          (counter.requests() - requests) / verified;
      }
    }
    return figures;
  } finally {
    await stopped(sides);
    counter.stop();
  }
}

/** Others' verifications while one payer offers payments that he has no money for, and while he does not. */
async function flood(ground: Ground, ours: Side, { turns, turnMs }: Plan): Promise<Measured> {
  const others = { connections: othersConnections, durationMs: turnMs };
  const quiet: Turn[] = [];
  const flooded: Turn[] = [];
  const floodsPerS: number[] = [];
  for (let index = 0; index < turns; index += 1) {
    quiet.push(await turn(ground, ours, { ...others, name: 'without flood' }));
    const { beside, floodPerS } = await floodedTurn(ground, ours, { ...others, name: 'with flood' });
    flooded.push(beside);
    floodsPerS.push(floodPerS);
  }
  return {
    quiet_p99_ms: median(quiet.map(p99Ms)),
    flooded_p99_ms: median(flooded.map(p99Ms)),
    flood_p99_ratio: median(flooded.map((turn, index) => p99Ms(turn) / p99Ms(quiet[index] ?? turn))),
    quiet_per_s: median(quiet.map(({ perS }) => perS)),
    flooded_per_s: median(flooded.map(({ perS }) => perS)),
    flood_per_s: median(floodsPerS),
    flooded_not_valid: flooded.reduce((sum, { problems }) => sum + problems, 0),
  };
}

/** The flood begins before the others are measured, and ends after. */
async function floodedTurn(
  ground: Ground,
  ours: Side,
  round: Round,
): Promise<{ readonly beside: Turn; readonly floodPerS: number }> {
  const durationMs = round.durationMs + 2 * floodLeadMs;
  await signFor(ground, ours, round);
  await ground.flood.sign({ url: ours.url, payments: Math.ceil((floodPaymentsPerS * durationMs) / 1000) });
  ours.resume();
  const flooding = ground.flood.run({ url: ours.url, connections: floodConnections, durationMs });
  await sleep(floodLeadMs);
  const beside = await signedTurn(ground, ours, round);
  const { answers, latenciesMs, tookMs, ranOut } = await flooding;
  ours.pause();
  const floodPerS = (latenciesMs.length * 1000) / tookMs;
  console.log(
    `  the flood: ${floodPerS.toFixed(0)}/s, ${JSON.stringify(answers)}${ranOut ? ' (payments ran out)' : ''}`,
  );
  return { beside, floodPerS };
}

function prefixed(prefix: string, figures: Figures): Measured {
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [`${prefix}${name}`, value]));
}

const digitsKept = 4;

function present(figures: Measured): Figures {
  const kept = 10 ** digitsKept;
  return Object.fromEntries(
    Object.entries(figures)
      .filter(([, value]) => Number.isFinite(value))
      .map(([name, value]) => [name, Math.round(value * kept) / kept]),
  );
}
