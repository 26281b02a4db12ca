import { quantile } from '../../figures.js';
import { type CpuTimes, elapsed } from '../settle/cpu-time.js';
import type { Ground, Side } from './ground.js';
import type { LoadReport } from './load-process.js';

const warmUpTurnMs = 4_000;
/** The engine has compiled what is hot after some ten thousand requests; services that are measured have run for longer. */
const warmUpTurns = 3;
export const warmUpMs = warmUpTurns * warmUpTurnMs;
const warmUpConnections = 64;
/** Signed for a side whose rate is not known yet, and at least for each later turn. */
const firstPaymentsPerS = 1_500;
/** How much faster than before a side may become without running out. */
const headroom = 1.6;

/** What one side did in one turn. */
export type Turn = {
  readonly perS: number;
  readonly latenciesMs: readonly number[];
  /** CPU seconds per verification of each part. */
  readonly cpu: CpuTimes;
  /** Requests that were not answered `valid`. */
  readonly problems: number;
  readonly verified: number;
};

export type Round = {
  readonly name: string;
  readonly connections: number;
  readonly durationMs: number;
};

const bestPerS = new Map<string, number>();

/** One side's turn: everybody else's process stands still. */
export async function turn(ground: Ground, side: Side, round: Round): Promise<Turn> {
  await signFor(ground, side, round);
  side.resume();
  const measured = await signedTurn(ground, side, round);
  side.pause();
  return measured;
}

/** So many payments as the side may get through, going by its turns so far. */
export async function signFor({ load }: Ground, { name, url }: Side, { durationMs }: Round): Promise<void> {
  const perS = Math.max(firstPaymentsPerS, headroom * (bestPerS.get(name) ?? 0));
  await load.sign({ url, payments: Math.ceil((perS * durationMs) / 1000) });
}

/** Offers what was signed. */
export async function signedTurn(ground: Ground, side: Side, round: Round): Promise<Turn> {
  const { name, connections, durationMs } = round;
  const before = side.cpu();
  const report = await ground.load.run({ url: side.url, connections, durationMs });
  const used = elapsed(before, side.cpu());
  const measured = turnOf(report, used);
  bestPerS.set(side.name, Math.max(bestPerS.get(side.name) ?? 0, measured.perS));
  console.log(`  ${name}, ${side.name}: ${textOf(measured, report)}`);
  return measured;
}

export function turnOf({ latenciesMs, answers, tookMs }: LoadReport, used: CpuTimes): Turn {
  const count = latenciesMs.length;
  return {
    perS: (count * 1000) / tookMs,
    latenciesMs: [...latenciesMs],
    cpu: Object.fromEntries(Object.entries(used).map(([part, s]) => [part, s / count])),
    problems: count - (answers['valid'] ?? 0),
    verified: count,
  };
}

export async function warmUp(ground: Ground, side: Side): Promise<void> {
  const round = { name: 'warm-up', connections: warmUpConnections, durationMs: warmUpTurnMs };
  for (let index = 0; index < warmUpTurns; index += 1) await turn(ground, side, round);
}

/** Both sides in turns, who is first changing, so that what the machine does meanwhile meets both. */
export async function inTurns(
  ground: Ground,
  sides: readonly Side[],
  { round, turns: count }: { readonly round: Round; readonly turns: number },
): Promise<ReadonlyMap<Side['name'], readonly Turn[]>> {
  const turns = new Map<Side['name'], Turn[]>(sides.map(({ name }) => [name, []]));
  for (let index = 0; index < count; index += 1) {
    for (const side of index % 2 === 0 ? sides : sides.toReversed())
      turns.get(side.name)?.push(await turn(ground, side, round));
  }
  return turns;
}

function textOf({ perS, latenciesMs, cpu }: Turn, { answers, ranOut, cpuS }: LoadReport): string {
  const at = (share: number): string => quantile(latenciesMs, share).toFixed(1);
  const parts = { ...cpu, generator: cpuS / latenciesMs.length };
  const cpuText = Object.entries(parts)
    .map(([part, s]) => `${part} ${(s * 1000).toFixed(2)}`)
    .join(', ');
  const others = Object.entries(answers).filter(([answer]) => answer !== 'valid');
  return (
    `${perS.toFixed(0)}/s, p50 ${at(0.5)} p95 ${at(0.95)} p99 ${at(0.99)} ms, CPU ms a request: ${cpuText}` +
    (others.length === 0 ? '' : `; not valid: ${JSON.stringify(Object.fromEntries(others))}`) +
    (ranOut ? ' (payments ran out)' : '')
  );
}

export const median = (sample: readonly number[]): number => quantile(sample, 0.5);
